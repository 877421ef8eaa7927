import type { FsRule } from '#core/policy/rules.ts'
import type { OpenHandle, Provider, ProviderSession } from '#host/broker/provider.ts'

export interface FsOptions {
  /** Guest paths that a deny rule names: no directory above one may be moved or removed, else the path would stop naming it. */
  readonly pinned?: readonly string[]
  /** Most entries (files, directories, links) a session may add to one mount; default 10,000. */
  readonly maxNewEntries?: number
  /** Most bytes a session may add to a mount whose rule has no quota; default 1 GiB. */
  readonly defaultQuotaBytes?: number
}

/** A provider of files with the roots of its mounts, which the broker numbers. */
export interface FsProvider {
  readonly provider: Provider
  readonly preopens: readonly { readonly guestPath: string; readonly open: OpenHandle }[]
}

/**
 * Performs `fs.*` below the given mounts (`hostPath` set). Opens every root now and never uses a host path again.
 * Throws CordonError `mount.invalid` where a root is missing, no directory, or holds more than its quota.
 */
export const createFsProvider = (_session: ProviderSession, _mounts: readonly FsRule[], _options: FsOptions = {}): Promise<FsProvider> => {
  throw new TypeError('not built yet')
}
