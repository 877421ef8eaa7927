import { CordonError } from '#core/errors.ts'
import type { FsRule } from '#core/policy/rules.ts'
import type { DescriptorPaths } from './descriptor-paths.ts'
import type { HeldDirectory } from './file-tree.ts'
import { isWithin, joinGuestPath } from './guest-path.ts'
import { openLiveTree } from './live-tree.ts'
import { createMemoryTree } from './memory-tree.ts'
import { openPrivateCopy } from './private-copy.ts'
import { type Measure, measure, Usage } from './usage.ts'
import type { WriteBack } from './write-back.ts'

/** Entries that measuring or copying a mount looks at before it gives up. */
const maxMeasuredEntries = 100_000

/** What makes a mount, and what becomes of it. */
export interface MountParts {
  readonly rule: FsRule
  /** Held from the start of the session on; no host path is used again. */
  readonly root: HeldDirectory
  readonly usage: Usage
  /** Of a private copy that may be written: takes what changed back to the host's folder. */
  readonly writeBack?: WriteBack
  /** Frees all there is. */
  readonly close: () => Promise<void>
}

/** One tree of files as the guest sees it. */
export class Mount {
  readonly guestPath: string
  readonly mode: 'ro' | 'rw'
  readonly root: HeldDirectory
  readonly usage: Usage
  readonly writeBack: WriteBack | undefined
  readonly #close: () => Promise<void>

  constructor({ rule, root, usage, writeBack, close }: MountParts) {
    this.guestPath = rule.guestPath
    this.mode = rule.mode
    this.root = root
    this.usage = usage
    this.writeBack = writeBack
    this.#close = close
  }

  /**
   * The guest path of a directory of this mount, from where it is now: a guest may have renamed what it opened.
   * Throws GuestFault `no-entry` when it left the mount (which only the host can do) or was removed.
   */
  guestPathOf(directory: HeldDirectory): string {
    const below = directory.where()
    return below === '' ? this.guestPath : joinGuestPath(this.guestPath, below)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}

/** The mounts of one session. */
export class MountTable {
  readonly #mounts: readonly Mount[]

  constructor(mounts: readonly Mount[]) {
    // Most specific first.
    this.#mounts = mounts.toSorted((one, other) => other.guestPath.length - one.guestPath.length)
  }

  /** The most specific mount that covers a guest path. */
  covering(guestPath: string): Mount | undefined {
    return this.#mounts.find((mount) => isWithin(guestPath, mount.guestPath))
  }

  /** The mount whose root a guest path is. */
  at(guestPath: string): Mount | undefined {
    return this.#mounts.find((mount) => mount.guestPath === guestPath)
  }

  /** Those that write back. */
  withWriteBack(): readonly (readonly [Mount, WriteBack])[] {
    return this.#mounts.flatMap((mount) => (mount.writeBack === undefined ? [] : [[mount, mount.writeBack] as const]))
  }

  async close(): Promise<void> {
    await Promise.all(this.#mounts.map((mount) => mount[Symbol.asyncDispose]()))
  }
}

/** What bounds a mount whose rule says nothing. */
export interface MountBounds {
  readonly maxNewEntries: number
  readonly defaultQuotaBytes: number
  readonly defaultMemoryBytes: number
  /** Where private copies are made. */
  readonly copyFolder: string
}

const hostPathOf = ({ hostPath, guestPath, origin }: FsRule): string => {
  if (hostPath !== undefined) return hostPath
  throw new CordonError('mount.invalid', `expected a host folder for the mount \`${guestPath}\`, got none (${origin})`)
}

const openHostFolder = async (rule: FsRule, paths: DescriptorPaths): ReturnType<typeof openLiveTree> => {
  const hostPath = hostPathOf(rule)
  try {
    return await openLiveTree(hostPath, paths)
  } catch (cause) {
    throw new CordonError('mount.invalid', `expected a folder at \`${hostPath}\` to mount as \`${rule.guestPath}\`, found none`, {
      cause,
      hint: `make the folder, or change ${rule.origin}`,
    })
  }
}

/** What counts already: nothing where no quota asks. */
const measured = async (rule: FsRule, root: HeldDirectory): Promise<Measure | undefined> => {
  const { mode, quotaBytes, quotaEntries } = rule
  if (mode === 'ro' || (quotaBytes === undefined && quotaEntries === undefined)) return undefined
  const found = await measure(root, maxMeasuredEntries)
  if (found !== undefined) return found
  throw new CordonError(
    'mount.invalid',
    `expected at most ${maxMeasuredEntries} entries, none of them too deep, in \`${rule.hostPath}\`, which has a quota, found more`,
    {
      hint: 'mount a smaller folder, or drop the quota',
    },
  )
}

const openLive = async (rule: FsRule, bounds: MountBounds, paths: DescriptorPaths): Promise<Mount> => {
  const root = await openHostFolder(rule, paths)
  try {
    const found = await measured(rule, root)
    const used = {
      bytes: rule.quotaBytes === undefined ? 0 : (found?.bytes ?? 0),
      entries: rule.quotaEntries === undefined ? 0 : (found?.entries ?? 0),
    }
    const limit = { bytes: rule.quotaBytes ?? bounds.defaultQuotaBytes, entries: rule.quotaEntries ?? bounds.maxNewEntries }
    return new Mount({ rule, root, usage: new Usage(limit, used), close: () => root.close() })
  } catch (error) {
    await root.close()
    throw error
  }
}

const openCopy = async (rule: FsRule, bounds: MountBounds, paths: DescriptorPaths): Promise<Mount> => {
  const source = await openHostFolder(rule, paths)
  try {
    const limit = { bytes: rule.quotaBytes ?? bounds.defaultQuotaBytes, entries: rule.quotaEntries ?? maxMeasuredEntries }
    const copy = await openPrivateCopy(source, { paths, limit, rule, folder: bounds.copyFolder })
    const mount = { rule, root: copy.root, usage: new Usage(limit, copy.measure) }
    const close = async (): Promise<void> => {
      await source.close()
      await copy[Symbol.asyncDispose]()
    }
    return new Mount(rule.mode === 'ro' ? { ...mount, close } : { ...mount, close, writeBack: copy.writeBack })
  } catch (error) {
    await source.close()
    throw error
  }
}

const openMemory = (rule: FsRule, bounds: MountBounds): Mount => {
  const root = createMemoryTree(rule.guestPath)
  const limit = { bytes: rule.quotaBytes ?? bounds.defaultMemoryBytes, entries: rule.quotaEntries ?? bounds.maxNewEntries }
  return new Mount({ rule, root, usage: new Usage(limit), close: () => root.close() })
}

const openMount = async (rule: FsRule, bounds: MountBounds, paths: () => DescriptorPaths): Promise<Mount> => {
  switch (rule.mountKind) {
    case 'live':
      return await openLive(rule, bounds, paths())
    case 'copy':
      return await openCopy(rule, bounds, paths())
    case 'memory':
      return openMemory(rule, bounds)
  }
}

/** Opens every mount. Throws CordonError `mount.invalid`, with nothing left open. */
export const openMounts = async (
  rules: readonly FsRule[],
  bounds: MountBounds,
  paths: () => DescriptorPaths,
): Promise<readonly Mount[]> => {
  const mounts: Mount[] = []
  try {
    for (const rule of rules) {
      if (mounts.some((mount) => mount.guestPath === rule.guestPath)) {
        throw new CordonError('mount.invalid', `expected one mount at \`${rule.guestPath}\`, got two (${rule.origin})`)
      }
      mounts.push(await openMount(rule, bounds, paths))
    }
  } catch (error) {
    await Promise.all(mounts.map((mount) => mount[Symbol.asyncDispose]()))
    throw error
  }
  return mounts
}
