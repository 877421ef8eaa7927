import { buildBundle } from '#index.ts'
import { parseLine, textOf, wantsJson, type Command } from '#cli/command.ts'
import { CordonError } from '#index.ts'
import { interruption } from '#cli/interruption.ts'
import { bytesText } from '#cli/table.ts'
import { Progress, writeJson, writeText } from '#cli/terminal.ts'

const help = `usage: cordon build [folder] [--out FILE] [-o json]

Builds the source that a folder's agent.yaml names into a component (default: <folder>/dist/<name>.wasm).

example:
  cordon build my-agent
`

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, { out: { type: 'string' }, output: { type: 'string', short: 'o' }, quiet: { type: 'boolean', short: 'q' } })
  const [folder = '.', more] = line.positionals
  if (more !== undefined) throw new CordonError('usage', `expected one folder, got \`${more}\` too`)
  const json = wantsJson(line)
  const progress = new Progress({ quiet: json || line.values['quiet'] === true })
  const interrupted = interruption()
  const out = textOf(line, 'out')
  const built = await buildBundle(folder, { progress: progress.line, signal: interrupted, ...(out !== undefined && { out }) })
  progress.clear()
  if (json) await writeJson({ schemaVersion: 1, ok: true, ...built })
  else await writeText(`${built.path}  ${bytesText(built.bytes)}  ${built.digest}${built.cached ? '  (cached)' : ''}\n`)
  return 0
}

export const buildCommand: Command = { name: 'build', summary: 'builds an agent into a component', help, perform }
