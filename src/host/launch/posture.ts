import { CordonError } from '#core/errors.ts'
import type { IsolationLevel, Posture } from './cell-port.ts'
import { namespaceKinds, readDescriptors, readNamespaces, readStatus } from './proc.ts'

/** The namespaces that a bwrap cell must not share with its host. */
const promisedNamespaces = ['net', 'pid', 'mnt', 'user', 'ipc', 'uts'] as const
const standardDescriptors = 4
const noCapabilities = /^0*$/

/** What the engine's event loop opens for itself, the descriptor it keeps in reserve among it. */
const plumbing = /^(?:anon_inode:\[(?:eventpoll|eventfd|io_uring)\]|pipe:\[\d+\]|\/dev\/null)$/
/** The reserve where there is no /dev/null: the sandbox's own empty root. */
const emptyRoot = '/'

/** Descriptors past the four a cell is started with that its own event loop does not explain, or that its host has open too. */
const countForeign = (level: IsolationLevel, descriptors: ReadonlyMap<number, string>): number => {
  const ours = new Set([...(readDescriptors('self') ?? [])].map(([, target]) => target))
  const explained = (target: string): boolean =>
    (plumbing.test(target) && !(target.startsWith('pipe:') && ours.has(target))) || (level === 'bwrap' && target === emptyRoot)
  return [...descriptors].filter(([fd, target]) => fd >= standardDescriptors && !explained(target)).length
}

/** Measures a running child process from outside. Throws `isolation.unavailable` when it cannot be measured. */
export const measurePosture = (level: IsolationLevel, pid: number): Posture => {
  const status = readStatus(pid)
  const descriptors = readDescriptors(pid)
  if (status === undefined || descriptors === undefined) {
    throw new CordonError('isolation.unavailable', 'expected to measure the cell under `/proc`, could not read it')
  }
  const ours = readNamespaces('self')
  const theirs = readNamespaces(pid)
  return {
    level,
    noNewPrivileges: status.noNewPrivileges,
    seccomp: status.seccompMode === 2,
    namespaces: namespaceKinds.filter((kind) => theirs.get(kind) !== undefined && theirs.get(kind) !== ours.get(kind)),
    openDescriptors: countForeign(level, descriptors),
  }
}

/** What a measured posture lacks of what its level promises; empty when nothing. */
export const shortfalls = (posture: Posture, pid: number): readonly string[] => {
  const missing: string[] = []
  if (posture.openDescriptors > 0) missing.push(`${posture.openDescriptors} descriptors too many`)
  if (posture.level !== 'bwrap') return missing
  if (!posture.noNewPrivileges) missing.push('no_new_privs not set')
  if (!posture.seccomp) missing.push('no seccomp filter')
  const shared = promisedNamespaces.filter((kind) => !posture.namespaces.includes(kind))
  if (shared.length > 0) missing.push(`namespaces shared with the host: ${shared.join(', ')}`)
  if (!noCapabilities.test(readStatus(pid)?.effectiveCapabilities ?? 'unknown')) missing.push('capabilities left')
  return missing
}

/** Refuses a cell whose posture is weaker than its level promises. */
export const requirePosture = (posture: Posture, pid: number): void => {
  const missing = shortfalls(posture, pid)
  if (missing.length === 0) return
  throw new CordonError('isolation.unavailable', `expected the posture of \`${posture.level}\`, got: ${missing.join('; ')}`)
}

/** The posture of a worker thread: it shares all with its host. */
export const threadPosture: Posture = { level: 'thread', noNewPrivileges: false, seccomp: false, namespaces: [], openDescriptors: 0 }
