import { CordonError } from '#core/errors.ts'
import { mountFor } from './match.ts'
import { neutralise } from './neutralise.ts'
import { parsed, refused, type Parsed } from './parsed.ts'
import { isWithin } from './path.ts'
import type { FsRule } from './rules.ts'

/** Host folders that are doors to everything else: processes, devices, the kernel. */
const neverMounted = ['/proc', '/sys', '/dev']

/** Whether a host folder may be mounted at all. Takes an absolute path; asked again of the real path once links are resolved. */
export const checkMountFolder = (hostPath: string): Parsed<string> => {
  if (!hostPath.startsWith('/') || hostPath.includes('\0')) return refused('a host folder', 'name a folder that exists')
  if (hostPath === '/') return refused('a narrower folder than `/`', 'mount the folder that is needed')
  if (neverMounted.some((folder) => isWithin(folder, hostPath))) {
    return refused(`a folder outside of ${neverMounted.join(', ')}`, 'these lead to every process and device: mount an ordinary folder')
  }
  return parsed(hostPath)
}

const isSame = (a: FsRule, b: FsRule): boolean =>
  a.guestPath === b.guestPath &&
  a.hostPath === b.hostPath &&
  a.mode === b.mode &&
  a.mountKind === b.mountKind &&
  a.quotaBytes === b.quotaBytes &&
  a.quotaEntries === b.quotaEntries

/**
 * Whether the narrower host folder shows at the very place where the wider mount would show it. Then the narrower mount hides
 * it there, and no file has two names with two modes.
 */
const isMirrored = (wide: FsRule, narrow: FsRule): boolean => {
  const below = (folder: string, path: string): string => path.slice(folder === '/' ? 0 : folder.length)
  return (
    isWithin(wide.guestPath, narrow.guestPath) &&
    below(wide.guestPath, narrow.guestPath) === below(wide.hostPath ?? '', narrow.hostPath ?? '')
  )
}

const refuse = (problem: string, [a, b]: readonly [FsRule, FsRule], hint: string): CordonError =>
  new CordonError('mount.invalid', `expected ${problem}, got one in ${neutralise(a.origin)} and one in ${neutralise(b.origin)}`, { hint })

const checkPair = (a: FsRule, b: FsRule): void => {
  const name = `\`${neutralise(a.guestPath)}\``
  if (a.guestPath === b.guestPath) throw refuse(`one mount on ${name}`, [a, b], 'remove one of the two')
  if (a.mode === b.mode || a.hostPath === undefined || b.hostPath === undefined) return
  const [wide, narrow] = isWithin(a.hostPath, b.hostPath) ? [a, b] : [b, a]
  if (isWithin(wide.hostPath ?? '', narrow.hostPath ?? '') && !isMirrored(wide, narrow)) {
    const problem = `one mode for the host folder \`${neutralise(narrow.hostPath ?? '')}\``
    throw refuse(problem, [a, b], 'a file would be read-only under one name and writable under another: mount separate folders')
  }
}

/**
 * The mounts without repetitions. Throws CordonError `mount.invalid` for two different mounts on one guest path, and for host
 * folders that overlap with differing modes (unless the narrower one shows exactly where the wider one would show it).
 */
export const checkMounts = (mounts: readonly FsRule[]): readonly FsRule[] => {
  const distinct = mounts.filter((mount, index) => mounts.findIndex((other) => isSame(mount, other)) === index)
  for (const [index, mount] of distinct.entries()) {
    for (const other of distinct.slice(index + 1)) checkPair(mount, other)
  }
  return distinct
}

/** What a bundle asks at or around a mount: the request that covers it, and those for folders below. */
const requestsAround = (requests: readonly FsRule[], guestPath: string): readonly FsRule[] => {
  const covering = mountFor(requests, guestPath)
  const below = requests.filter((request) => request !== covering && isWithin(guestPath, request.guestPath))
  return covering === undefined ? below : [covering, ...below]
}

const leastOf = (values: readonly (number | undefined)[]): number | undefined => {
  const said = values.filter((value) => value !== undefined)
  return said.length === 0 ? undefined : Math.min(...said)
}

/**
 * A granted mount, as narrow as the bundle asks: writable only when both sides say so for some path in it, the smallest quota that
 * either names. Each act is decided by its own path all the same. A mount at which nothing is asked stays as it is.
 */
export const narrowMount = (rule: FsRule, requests: readonly FsRule[]): FsRule => {
  const asked = requestsAround(requests, rule.guestPath)
  if (asked.length === 0) return rule
  const mode = rule.mode === 'rw' && asked.some((request) => request.mode === 'rw') ? 'rw' : 'ro'
  return {
    ...rule,
    mode,
    quotaBytes: leastOf([rule.quotaBytes, ...asked.map((request) => request.quotaBytes)]),
    quotaEntries: leastOf([rule.quotaEntries, ...asked.map((request) => request.quotaEntries)]),
  }
}
