import { existsSync, readFileSync } from 'node:fs'
import {
  auditKeyFile,
  CordonError,
  findAuditFolders,
  hostPaths,
  parsePublicKey,
  printableJson,
  printableLine,
  readAuditLog,
  verifyAuditLog,
  type AuditRecord,
} from '#index.ts'
import { parseLine, textOf, wantsJson, type Command, type ParsedLine } from '#cli/command.ts'
import { interruption } from '#cli/interruption.ts'
import { styled, writeJson, writeText } from '#cli/terminal.ts'

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
  if (typeof resource !== 'object' || resource === null) return String(resource)
  const { scheme, method, host, port, path, name }: Readonly<Record<string, unknown>> = { ...resource }
  if (host !== undefined) return `${text(method)} ${text(scheme)}://${text(host)}:${text(port)}${text(path)}`
  return text(path ?? name)
}

/** A log may be anybody's: its fields need not be what a writer of ours puts there. */
const text = (value: unknown): string => {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

type Fields = Readonly<Record<string, unknown>>

const details: Readonly<Record<string, (fields: Fields) => string>> = {
  opened: ({ log, keyId, tornBytes, unsignedRecords }) =>
    [
      `log ${text(log)}, key ${text(keyId)}`,
      ...(tornBytes === undefined ? [] : [`${text(tornBytes)} bytes of a torn line set aside`]),
      ...(unsignedRecords === undefined ? [] : [`${text(unsignedRecords)} records before it were not signed`]),
    ].join(', '),
  'session-started': ({ session, agent, bundle, segment, isolation, open }) =>
    `${text(session)}  ${text(agent)} ${text(bundle).slice(0, 19)}… segment ${text(segment)}, isolation ${text(isolation)}${open === true ? ', stays open' : ''}`,
  invoked: ({ session, invocation, export: name, inputBytes, inputDigest }) =>
    `${text(session)}#${text(invocation)}  calls ${text(name)} with ${text(inputBytes)} B ${text(inputDigest).slice(0, 19)}…`,
  'invocation-ended': ({ session, invocation, outcome, resultBytes, durationMs }) =>
    `${text(session)}#${text(invocation)}  ${text(outcome)} ${text(durationMs)} ms, ${text(resultBytes)} B`,
  request: ({ session, invocation, method, authority, path }) =>
    `${text(session)}#${text(invocation)}  ${text(method)} ${text(authority)}${text(path)}`,
  'request-ended': ({ session, invocation, status, outcome, durationMs, egressBytes, ingressBytes }) =>
    `${text(session)}#${text(invocation)}  ${text(status)} ${text(outcome)} ${text(durationMs)} ms, out ${text(egressBytes)} B, in ${text(ingressBytes)} B`,
  decision: ({ call, effect, action, resource, rule, reason, hint }) =>
    `${text(call)}  ${text(effect)} ${text(action)} ${resourceText(resource)} (${text(rule ?? reason)})${hint === undefined ? '' : ` · ${text(hint)}`}`,
  outcome: ({ call, status, code, durationMs, egressBytes, ingressBytes }) =>
    `${text(call)}  ${text(status)}${code === undefined ? '' : ` (${text(code)})`} ${text(durationMs)} ms, out ${text(egressBytes)} B, in ${text(ingressBytes)} B`,
  'session-ended': ({ session, outcome, exitCode }) => `${text(session)}  ${text(outcome)}, exit code ${text(exitCode)}`,
}

const detailText = (record: AuditRecord): string =>
  Object.hasOwn(details, record.type) ? (details[record.type]?.({ ...record }) ?? '') : ''

const colourOf = (record: AuditRecord): 'red' | 'green' | 'dim' => {
  if (record.type !== 'decision') return 'dim'
  return record.effect === 'deny' ? 'red' : 'green'
}

const timeText = (timeMs: number): string => {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? `${timeMs} ms` : date.toISOString()
}

const lineOf = (record: AuditRecord): string => {
  const head = `${String(record.seq).padStart(6)}  ${timeText(record.timeMs)}  ${printableLine(record.type).padEnd(16)}`
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
    if (folders.length > 1 && !json) await writeText(`${styled('bold', printableLine(folder), process.stdout)}\n`)
    for await (const record of readAuditLog(folder, { follow: follow && index === folders.length - 1, signal: interrupted })) {
      if (interrupted.aborted) return 0
      if (keep(record)) await writeText(json ? `${printableJson(record)}\n` : lineOf(record))
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
  if (wantsJson(line)) await writeJson({ schemaVersion: 1, logs: verdicts })
  else {
    for (const { folder, status, records, head, unsignedTail, adopted, problem } of verdicts) {
      const colour = status === 'bad' ? 'red' : status === 'authenticated' ? 'green' : 'yellow'
      await writeText(
        `${styled(colour, verdictText[status], process.stdout)}  ${printableLine(folder)}  ${records} records, head ${head.slice(0, 16)}…\n`,
      )
      if (problem !== undefined)
        await writeText(`  first bad record ${problem.seq} (line ${problem.line}): ${printableLine(problem.message)}\n`)
      if (unsignedTail > 0)
        await writeText(`  ${unsignedTail} records after the last signed head: their writer did not end cleanly, or is still running\n`)
      if (adopted > 0)
        await writeText(
          `  ${adopted} records were not signed when a later writer went on from them: a crash leaves some, and so can a forger\n`,
        )
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
