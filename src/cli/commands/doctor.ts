import { detectLevels } from '#index.ts'
import { parseLine, wantsJson, type Command } from '#cli/command.ts'
import { table } from '#cli/table.ts'
import { Progress, styled, writeJson, writeText } from '#cli/terminal.ts'

const help = `usage: cordon doctor [-o json]

Starts a cell at each level of the isolation ladder and says which of them this machine can really give.

example:
  cordon doctor
`

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, { output: { type: 'string', short: 'o' } })
  const json = wantsJson(line)
  const progress = new Progress({ quiet: json })
  progress.line('starting a cell at each level')
  const levels = await detectLevels()
  progress.clear()
  if (json) await writeJson({ schemaVersion: 1, node: process.versions.node, levels })
  else await writeText(table([['node', process.versions.node, ''], ...levels.map(rowOf)]))
  return levels.some(({ level, ok }) => ok && level !== 'thread') ? 0 : 125
}

type Level = Awaited<ReturnType<typeof detectLevels>>[number]

const rowOf = ({ level, ok, reason, advice }: Level): readonly string[] => [
  level,
  ok ? styled('green', 'yes', process.stdout) : styled('red', 'no', process.stdout),
  [reason, advice].filter((text) => text !== undefined).join(' · '),
]

export const doctorCommand: Command = { name: 'doctor', summary: 'shows which isolation this machine can give', help, perform }
