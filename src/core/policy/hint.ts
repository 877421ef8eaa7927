import type { Capability, FsCapability, NetCapability } from '#core/capability/capability.ts'
import { netFlagValue } from './describe.ts'
import { mountFor } from './match.ts'
import type { FsRule } from './rules.ts'

/** Text that a shell takes as it is. What a guest named goes into a hint only then: people paste hints into shells. */
const isShellSafe = (text: string): boolean => /^[A-Za-z0-9_@%+:./-]{1,256}$/.test(text)

const shellWord = (text: string): string => (isShellSafe(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)

const nameFlags = { 'secret:use': 'secret', 'env:read': 'env', 'tool:call': 'tool' } as const

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
  return isShellSafe(capability.name) ? `--allow-${nameFlags[capability.action]}=${capability.name}` : undefined
}

const netRequest = ({ host, port, scheme, method }: NetCapability): string => {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `net: [{ host: "${authority}",${scheme === 'http' ? ' scheme: http,' : ''} methods: [${method}] }]`
}

const nameLists = { 'secret:use': 'secrets', 'env:read': 'env', 'tool:call': 'tools' } as const

const requestLine = (capability: Capability): string | undefined => {
  if (capability.action === 'net:request') return netRequest(capability)
  if ('path' in capability) {
    const mode = capability.action === 'fs:read' ? 'ro' : 'rw'
    return isShellSafe(capability.mount) ? `fs: [{ guest: ${capability.mount}, mode: ${mode} }]` : undefined
  }
  return isShellSafe(capability.name) ? `${nameLists[capability.action]}: [{ name: ${capability.name} }]` : undefined
}

/** The line of `agent.yaml` that would ask for a capability, or why there is none; `undefined` when none can be written safely. */
export const requestHint = (capability: Capability, grants: readonly FsRule[]): string | undefined => {
  if (isOutside(capability, grants)) return leavesMounts
  const line = requestLine(capability)
  return line === undefined ? undefined : `ask for it in agent.yaml: requests: { ${line} }`
}
