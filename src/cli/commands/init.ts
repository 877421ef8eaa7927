import { resolve } from 'node:path'
import { initAgent } from '#index.ts'
import { onlyPositional, parseLine, textOf, type Command } from '#cli/command.ts'
import { writeText } from '#cli/terminal.ts'

const help = `usage: cordon init <folder> [--name NAME]

Writes a new TypeScript agent that builds, runs and passes its own test.

example:
  cordon init my-agent && cordon run my-agent --policy my-agent/policy.yaml
`

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, { name: { type: 'string' } })
  const folder = onlyPositional(line, 'a folder')
  const name = textOf(line, 'name')
  const files = await initAgent({ folder: resolve(folder), ...(name !== undefined && { name }) })
  await writeText(`${files.map((file) => `  ${folder}/${file}`).join('\n')}\n\nnext: cordon run ${folder} --policy ${folder}/policy.yaml\n`)
  return 0
}

export const initCommand: Command = { name: 'init', summary: 'writes a new TypeScript agent', help, perform }
