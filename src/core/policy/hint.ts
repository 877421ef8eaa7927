import type {
  Capability,
  ConfigCapability,
  EnvCapability,
  FsCapability,
  LookupCapability,
  NetCapability,
  SecretCapability,
  SocketCapability,
  ToolCapability,
} from '#core/capability/capability.ts'
import { netFlagValue } from './describe.ts'
import { mountFor } from './match.ts'
import type { FsRule } from './rules.ts'

/** Text that a shell takes as it is. What a guest named goes into a hint only then: people paste hints into shells. */
const isShellSafe = (text: string): boolean => /^[A-Za-z0-9_@%+:./-]{1,256}$/.test(text)

const shellWord = (text: string): string => (isShellSafe(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)

type NamedCapability = SecretCapability | EnvCapability | ToolCapability | LookupCapability | ConfigCapability

const nameFlags = {
  'secret:use': ['--allow-secret=', ''],
  'env:read': ['--allow-env=', ''],
  'tool:call': ['--allow-tool=', ''],
  'dns:lookup': ['--allow-lookup=', ''],
  'config:read': ['--config ', '=VALUE'],
} as const

const namedFlag = ({ action, name }: NamedCapability): string | undefined => {
  const [before, after] = nameFlags[action]
  return isShellSafe(name) ? `${before}${name}${after}` : undefined
}

const endpoint = ({ address, port }: SocketCapability): string =>
  `${address.includes(':') ? `[${address}]` : address}${port === 0 ? '' : `:${port}`}`

/** The names that led to the address are never suggested: whoever owns one chooses its addresses. */
const socketFlag = (capability: SocketCapability): string => {
  const [kind, what] = capability.action.split(':')
  return `--allow-${kind}=${what === 'listen' || what === 'bind' ? 'listen:' : ''}${endpoint(capability)}`
}

/** What a path outside of every mount gets instead of a flag: no grant was meant to open it, and one that did would be too wide. */
const leavesMounts = 'the path leaves every mount'

const mountFlag = (grants: readonly FsRule[], { action, path, mount }: FsCapability): string | undefined => {
  const granted = mountFor(grants, path)
  const host = granted?.hostPath === undefined ? 'HOST_FOLDER' : shellWord(granted.hostPath)
  const guest = granted?.guestPath ?? mount
  return isShellSafe(guest) ? `--mount ${host}:${guest}${action === 'fs:write' ? ':rw' : ''}` : undefined
}

/** Whether a path lies in no mount, so that what it belongs to is the root itself (`../x`). */
const isOutside = (capability: Capability, grants: readonly FsRule[]): boolean =>
  'path' in capability && capability.action !== 'net:request' && capability.mount === '/' && mountFor(grants, capability.path) === undefined

/** The flag that would grant a capability, or why there is none; `undefined` when none can be written safely. */
export const grantHint = (capability: Capability, grants: readonly FsRule[]): string | undefined => {
  if (isOutside(capability, grants)) return leavesMounts
  const flag = grantFlag(capability, grants)
  return flag === undefined ? undefined : `allow with: ${flag}`
}

const grantFlag = (capability: Capability, grants: readonly FsRule[]): string | undefined => {
  if (capability.action === 'net:request') return `--allow-net=${netFlagValue(capability.host, capability.port, capability.scheme)}`
  if ('path' in capability) return mountFlag(grants, capability)
  if ('address' in capability) return socketFlag(capability)
  if ('store' in capability) {
    return isShellSafe(capability.store) ? `--allow-keyvalue=${capability.store}${capability.action === 'kv:read' ? ':ro' : ''}` : undefined
  }
  return namedFlag(capability)
}

const netRequest = ({ host, port, scheme, method }: NetCapability): string => {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `net: [{ host: "${authority}",${scheme === 'http' ? ' scheme: http,' : ''} methods: [${method}] }]`
}

const nameLists = {
  'secret:use': 'secrets',
  'env:read': 'env',
  'tool:call': 'tools',
  'dns:lookup': 'lookup',
  'config:read': 'config',
} as const

const socketRequest = (capability: SocketCapability): string => {
  const [kind, what] = capability.action.split(':')
  return `${kind}: [{ ${what === 'listen' || what === 'bind' ? 'listen' : 'connect'}: "${endpoint(capability)}" }]`
}

const requestLine = (capability: Capability): string | undefined => {
  if (capability.action === 'net:request') return netRequest(capability)
  if ('path' in capability) {
    const mode = capability.action === 'fs:read' ? 'ro' : 'rw'
    return isShellSafe(capability.mount) ? `fs: [{ guest: ${capability.mount}, mode: ${mode} }]` : undefined
  }
  if ('address' in capability) return socketRequest(capability)
  if ('store' in capability) {
    const mode = capability.action === 'kv:read' ? 'ro' : 'rw'
    return isShellSafe(capability.store) ? `keyvalue: [{ store: ${capability.store}, mode: ${mode} }]` : undefined
  }
  return isShellSafe(capability.name) ? `${nameLists[capability.action]}: [{ name: ${capability.name} }]` : undefined
}

/** The line of `agent.yaml` that would ask for a capability, or why there is none; `undefined` when none can be written safely. */
export const requestHint = (capability: Capability, grants: readonly FsRule[]): string | undefined => {
  if (isOutside(capability, grants)) return leavesMounts
  const line = requestLine(capability)
  return line === undefined ? undefined : `ask for it in agent.yaml: requests: { ${line} }`
}
