import { originOf, take, type DocumentSource } from './document.ts'
import type { FieldPath } from './grants.ts'
import { parseHostPattern, type HostAndPort, type RuleUse } from './host-pattern.ts'
import { parsed, refused, type Parsed } from './parsed.ts'
import type { RawSocket } from './rule-schema.ts'
import type { HostPattern, LookupRule, SocketRule } from './rules.ts'

const needsPort = refused('a port after `:`', 'sockets have no default port: write `host:port`')

const checkConnect = (text: string, use: RuleUse): Parsed<HostAndPort> => {
  const read = parseHostPattern(text, use)
  return read.ok && read.value.port === undefined && use === 'grant' ? needsPort : read
}

const isSingleAddress = (host: HostPattern): boolean => host.kind === 'cidr' && host.prefix === host.bytes.length * 8

/** A listening place is one address: a name may come to mean another interface, and a network is none. */
const checkListen = (text: string, use: RuleUse): Parsed<HostAndPort> => {
  const read = parseHostPattern(text, use)
  if (!read.ok || use === 'deny') return read
  return isSingleAddress(read.value.host)
    ? parsed({ host: read.value.host, port: read.value.port ?? 0 })
    : refused('an address to listen on', 'write it as `127.0.0.1:8080`, or `127.0.0.1` for a port that the system chooses')
}

/** Where a rule about sockets stands. */
export interface SocketField {
  readonly kind: SocketRule['kind']
  readonly source: DocumentSource
  readonly path: FieldPath
  readonly use: RuleUse
}

/** Compiles a rule about sockets. Throws CordonError with the source's code. */
export const compileSocket = (raw: RawSocket, { kind, source, path, use }: SocketField): SocketRule => {
  const [direction, from, check] =
    'connect' in raw ? (['connect', raw.connect, checkConnect] as const) : (['listen', raw.listen, checkListen] as const)
  const { host, port } = take(source, source.isFlag === true ? path : [...path, direction], { from, result: check(from, use) })
  return { kind, origin: originOf(source, path), direction, host, port }
}

const checkLookup = (text: string, use: RuleUse): Parsed<HostPattern> => {
  const read = parseHostPattern(text, use)
  if (!read.ok) return read
  return read.value.port === undefined && read.value.host.kind !== 'cidr'
    ? parsed(read.value.host)
    : refused('a name without a port', 'write it as `db.example.com` or `*.example.com`; addresses need no lookup')
}

/** Compiles a rule about name lookups. Throws CordonError with the source's code. */
export const compileLookup = (name: string, { source, path, use }: Omit<SocketField, 'kind'>): LookupRule => ({
  kind: 'lookup',
  origin: originOf(source, path),
  host: take(source, source.isFlag === true ? path : [...path, 'name'], { from: name, result: checkLookup(name, use) }),
})
