import { existsSync, readFileSync } from 'node:fs'
import {
  auditKeyFile,
  CordonError,
  findAuditFolders,
  hostPaths,
  parsePublicKey,
  printableLine,
  readAuditLog,
  verifyAuditLog,
  type AuditRecord,
} from '#index.ts'
import { parseLine, textOf, wantsJson, type Command, type ParsedLine } from '#cli/command.ts'
import { interruption } from '#cli/interruption.ts'
import { styled, writeText } from '#cli/terminal.ts'

const help = `usage: cordon audit show [folder] [--session ID] [--agent NAME] [--type TYPE] [--denied] [--follow] [-o json]
       cordon audit verify [folder] [--key FILE|ed25519:…] [-o json]

Reads and verifies audit logs. Without a folder: all logs of this user.

  --session ID, --agent NAME, --action ACTION, --type TYPE   only these records
  --denied                  only denials
  --follow, -f              wait for more
  --key                     public key, or the file that holds it (default: this user's own)
                            --key none: check only that the log is consistent

verify exits with 0 when every log is authenticated (or, without a key, consistent), 1 otherwise.

example:
  cordon audit show --denied
  cordon audit verify ./audit --key audit.pub
`

const options = {
  session: { type: 'string' },
  agent: { type: 'string' },
  action: { type: 'string' },
  type: { type: 'string' },
  denied: { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
  key: { type: 'string' },
  output: { type: 'string', short: 'o' },
} as const

type Filter = (record: AuditRecord) => boolean

const filterOf = (line: ParsedLine): Filter => {
  const wanted = (['session', 'agent', 'action', 'type'] as const).map((name) => [name, textOf(line, name)] as const)
  return (record) => {
    const fields: Readonly<Record<string, unknown>> = { ...record }
    if (line.values['denied'] === true && fields['effect'] !== 'deny') return false
    return wanted.every(([name, value]) => value === undefined || fields[name] === value)
  }
}

const resourceText = (resource: unknown): string => {
  if (typeof resource !== 'object' || resource === null) return ''
  const fields = new Map(Object.entries(resource).map(([name, value]) => [name, typeof value === 'object' ? '' : String(value)]))
  const of = (name: string): string => fields.get(name) ?? ''
  return fields.has('host')
    ? `${of('method')} ${of('scheme')}://${of('host')}:${of('port')}${of('path')}`
    : of(fields.has('path') ? 'path' : 'name')
}

const detailText = (record: AuditRecord): string => {
  switch (record.type) {
    case 'opened':
      return `log ${record.log}, key ${record.keyId}${record.tornBytes === undefined ? '' : `, ${record.tornBytes} bytes of a torn line set aside`}`
    case 'session-started':
      return `${record.session}  ${record.agent} ${record.bundle.slice(0, 19)}… segment ${record.segment}, isolation ${record.isolation}`
    case 'decision':
      return `${record.call}  ${record.effect} ${record.action} ${resourceText(record.resource)} (${record.rule ?? record.reason ?? ''})${record.hint === undefined ? '' : ` · ${record.hint}`}`
    case 'outcome':
      return `${record.call}  ${record.status}${record.code === undefined ? '' : ` (${record.code})`} ${record.durationMs} ms, out ${record.egressBytes} B, in ${record.ingressBytes} B`
    case 'session-ended':
      return `${record.session}  ${record.outcome}, exit code ${record.exitCode}`
    case 'closed':
      return ''
  }
}

const colourOf = (record: AuditRecord): 'red' | 'green' | 'dim' => {
  if (record.type !== 'decision') return 'dim'
  return record.effect === 'deny' ? 'red' : 'green'
}

const lineOf = (record: AuditRecord): string => {
  const head = `${String(record.seq).padStart(6)}  ${new Date(record.timeMs).toISOString()}  ${record.type.padEnd(15)}`
  return `${head}  ${styled(colourOf(record), printableLine(detailText(record)), process.stdout)}\n`
}

const foldersOf = (line: ParsedLine): readonly string[] => findAuditFolders(line.positionals[1] ?? hostPaths().audit)

const show = async (line: ParsedLine): Promise<number> => {
  const json = wantsJson(line)
  const keep = filterOf(line)
  const folders = foldersOf(line)
  const interrupted = interruption()
  const follow = line.values['follow'] === true
  for (const [index, folder] of folders.entries()) {
    if (folders.length > 1 && !json) await writeText(`${styled('bold', folder, process.stdout)}\n`)
    for await (const record of readAuditLog(folder, { follow: follow && index === folders.length - 1, signal: interrupted })) {
      if (keep(record)) await writeText(json ? `${JSON.stringify(record)}\n` : lineOf(record))
    }
  }
  return 0
}

const keyOf = (line: ParsedLine): Uint8Array | undefined => {
  const given = textOf(line, 'key')
  if (given === 'none') return undefined
  if (given?.startsWith('ed25519:') === true) return parsePublicKey(given)
  const path = given ?? `${auditKeyFile(hostPaths())}.pub`
  if (!existsSync(path)) {
    if (given === undefined) return undefined
    throw new CordonError('audit.invalid', `expected a public key at \`${path}\`, found nothing`)
  }
  return parsePublicKey(readFileSync(path, 'utf8'))
}

const verdictText = { authenticated: 'authenticated', consistent: 'consistent, not authenticated', bad: 'BAD' } as const

const verify = async (line: ParsedLine): Promise<number> => {
  const key = keyOf(line)
  const verdicts = []
  for (const folder of foldersOf(line)) verdicts.push({ folder, ...(await verifyAuditLog(folder, key)) })
  if (wantsJson(line)) await writeText(`${JSON.stringify({ schemaVersion: 1, logs: verdicts }, null, 2)}\n`)
  else {
    for (const { folder, status, records, head, unsignedTail, problem } of verdicts) {
      const colour = status === 'bad' ? 'red' : status === 'authenticated' ? 'green' : 'yellow'
      await writeText(`${styled(colour, verdictText[status], process.stdout)}  ${folder}  ${records} records, head ${head.slice(0, 16)}…\n`)
      if (problem !== undefined)
        await writeText(`  first bad record ${problem.seq} (line ${problem.line}): ${printableLine(problem.message)}\n`)
      if (unsignedTail > 0)
        await writeText(`  ${unsignedTail} records after the last signed head: their writer did not end cleanly, or is still running\n`)
    }
  }
  const wanted = key === undefined ? ['authenticated', 'consistent'] : ['authenticated']
  return verdicts.every(({ status }) => wanted.includes(status)) ? 0 : 1
}

const perform = async (args: readonly string[]): Promise<number> => {
  const line = parseLine(args, options)
  const [verb, , more] = line.positionals
  if (more !== undefined) throw new CordonError('usage', `expected one folder, got \`${more}\` too`)
  if (verb === 'show') return await show(line)
  if (verb === 'verify') return await verify(line)
  throw new CordonError('usage', `expected \`cordon audit show\` or \`cordon audit verify\`, got \`${verb ?? 'nothing'}\``, {
    hint: 'see cordon audit --help',
  })
}

export const auditCommand: Command = { name: 'audit', summary: 'shows and verifies audit logs', help, perform }
