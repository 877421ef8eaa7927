import { globSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram, type RunOptions } from './run-program.ts'
import type { Verdict } from './verdict.ts'

/** What programs of a folder are run, and how. */
export interface FolderOptions extends RunOptions {
  /** How many at a time. */
  readonly jobs: number
  /** Only programs whose path has this in it. */
  readonly filter?: string
  /** Told of each program when it is done, in no particular order. */
  readonly told?: (verdict: Verdict) => void
}

/** Runs every `.wasm` program below a folder; the verdicts are in the order of their names. */
export const runFolder = async (folder: string, options: FolderOptions): Promise<readonly Verdict[]> => {
  const names = globSync('**/*.wasm', { cwd: folder })
    .map((file) => file.replace(/\.wasm$/, ''))
    .filter((name) => name.includes(options.filter ?? ''))
    .sort()
  const verdicts: Verdict[] = []
  const line = names.values()
  const work = async (): Promise<void> => {
    for (const name of line) {
      const verdict = await runProgram(join(folder, `${name}.wasm`), name, options)
      verdicts.push(verdict)
      options.told?.(verdict)
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  return verdicts.sort((left, right) => names.indexOf(left.program) - names.indexOf(right.program))
}
