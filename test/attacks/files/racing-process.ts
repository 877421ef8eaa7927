import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process of the host that does something to a folder over and over, until it is disposed of. */
export interface RacingProcess extends AsyncDisposable {
  /** How many rounds it says it has done. */
  readonly rounds: () => number
}

/** Starts `script` (JavaScript, with `fs` and `at(...names)` below `folder`) in a loop in a process of its own; resolves when it runs. */
export const racingProcess = async (folder: string, script: string): Promise<RacingProcess> => {
  const program = `
    const fs = require('node:fs')
    const at = (...names) => require('node:path').join(process.argv[1], ...names)
    for (let round = 1; ; round += 1) {
      try { ${script} } catch (error) { if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error }
      if (round % 50 === 0) fs.writeSync(1, round + '\\n')
    }`
  const child = spawn(process.execPath, ['-e', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let rounds = 0
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (text: string) => {
    rounds = Number(text.trim().split('\n').at(-1) ?? rounds)
  })
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => {
      throw new Error('expected a racing process, got one that ended')
    }),
  ])
  return {
    rounds: () => rounds,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
