/** `npm start`: the items service and the demo agent, as an operator would run them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { CordonError } from '#index.ts'
import { startItemsServer } from './server.ts'

const here = (name: string): string => new URL(name, import.meta.url).pathname
const key = readFileSync(here('demo-key.txt'), 'utf8').trim()

try {
  await using server = await startItemsServer({ key })
  mkdirSync(here('out'), { recursive: true })
  rmSync(here('out/briefing.md'), { force: true })
  process.stderr.write(
    `serving items on ${server.url}/v1/items\n$ cordon run guests/briefing --policy guests/briefing/policy.yaml --input '{"day":"today"}'\n\n`,
  )
  const line = ['run', here('.'), '--policy', here('policy.yaml'), '--input', '{"day":"today"}']
  const cordon = spawn(process.execPath, ['--conditions=source', new URL('../../src/cli/cordon.ts', import.meta.url).pathname, ...line], {
    stdio: 'inherit',
  })
  const [exitCode] = (await once(cordon, 'exit')) as [number | null]
  if (exitCode === 0)
    process.stderr.write(`\nthe report it wrote, guests/briefing/out/briefing.md\n\n${readFileSync(here('out/briefing.md'), 'utf8')}`)
  process.exitCode = exitCode ?? 1
} catch (error) {
  if (!(error instanceof CordonError)) throw error
  process.stderr.write(`${error.message}\n  → ${error.hint ?? ''}\n`)
  process.exitCode = error.exitCode
}
