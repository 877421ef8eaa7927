import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import type { FsRule } from '#core/policy/rules.ts'
import type { DescriptorPaths } from './descriptor-paths.ts'
import { fsFault } from './errors.ts'
import { isWithin, joinGuestPath } from './guest-path.ts'
import { measureBytes, Usage } from './usage.ts'

/** `open(2)`: names a file without opening it, which has no effect on any kind of file. Node does not export it. */
export const O_PATH = 0o10000000

/** One host folder as the guest sees it. */
export interface Mount {
  readonly guestPath: string
  readonly mode: 'ro' | 'rw'
  /** Opened once, at the start of the session; the host path is never used again. */
  readonly root: FileHandle
  readonly usage: Usage
}

/** The mounts of one session. */
export class MountTable {
  readonly #mounts: readonly Mount[]
  readonly #paths: DescriptorPaths

  constructor(mounts: readonly Mount[], paths: DescriptorPaths) {
    // Most specific first.
    this.#mounts = mounts.toSorted((one, other) => other.guestPath.length - one.guestPath.length)
    this.#paths = paths
  }

  /** The most specific mount that covers a guest path. */
  covering(guestPath: string): Mount | undefined {
    return this.#mounts.find((mount) => isWithin(guestPath, mount.guestPath))
  }

  /** The mount whose root a guest path is. */
  at(guestPath: string): Mount | undefined {
    return this.#mounts.find((mount) => mount.guestPath === guestPath)
  }

  /** Guest paths of all mounts. */
  guestPaths(): readonly string[] {
    return this.#mounts.map((mount) => mount.guestPath)
  }

  /**
   * The guest path of an open directory, from where it is now: a guest may have renamed what it opened.
   * Throws GuestFault `no-entry` when it left its mount (only the host can do that).
   */
  guestPathOf(mount: Mount, directory: FileHandle): string {
    const root = this.#paths.truth(mount.root)
    const truth = this.#paths.truth(directory)
    if (!isWithin(truth, root)) throw fsFault('no-entry', 'the directory left its mount')
    const below = truth.slice(root === '/' ? 1 : root.length + 1)
    return below === '' ? mount.guestPath : joinGuestPath(mount.guestPath, below)
  }

  async close(): Promise<void> {
    await Promise.all(this.#mounts.map((mount) => mount.root.close()))
  }
}

/** How mounts are bounded. */
export interface MountBounds {
  readonly maxNewEntries: number
  readonly defaultQuotaBytes: number
}

const openRoot = async (rule: FsRule, paths: DescriptorPaths): Promise<FileHandle> => {
  if (rule.hostPath === undefined) {
    throw new CordonError('mount.invalid', `expected a host folder for the mount \`${rule.guestPath}\`, got none (${rule.origin})`)
  }
  try {
    const root = await open(rule.hostPath, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    if (paths.truth(root) === rule.hostPath) return root
    await root.close()
    throw new Error('a link is on the way now')
  } catch (cause) {
    throw new CordonError('mount.invalid', `expected a folder at \`${rule.hostPath}\` to mount as \`${rule.guestPath}\`, found none`, {
      cause,
      hint: `make the folder, or change ${rule.origin}`,
    })
  }
}

const usageOf = async (rule: FsRule, bounds: MountBounds): Promise<Usage> => {
  const { quotaBytes, hostPath } = rule
  if (rule.mode === 'ro' || quotaBytes === undefined || hostPath === undefined) {
    return new Usage({ bytes: bounds.defaultQuotaBytes, usedBytes: 0, newEntries: bounds.maxNewEntries })
  }
  return new Usage({ bytes: quotaBytes, usedBytes: await measureBytes(hostPath), newEntries: bounds.maxNewEntries })
}

/**
 * Opens every mount's root. Their host paths are real ones: where a link stands in one now, somebody put it there since policy
 * was read (an agent that may write the folder above), and it is refused. Throws CordonError `mount.invalid`, with nothing left open.
 */
export const openMounts = async (rules: readonly FsRule[], bounds: MountBounds, paths: DescriptorPaths): Promise<readonly Mount[]> => {
  const mounts: Mount[] = []
  try {
    for (const rule of rules) {
      if (mounts.some((mount) => mount.guestPath === rule.guestPath)) {
        throw new CordonError('mount.invalid', `expected one mount at \`${rule.guestPath}\`, got two (${rule.origin})`)
      }
      const root = await openRoot(rule, paths)
      try {
        mounts.push({ guestPath: rule.guestPath, mode: rule.mode, root, usage: await usageOf(rule, bounds) })
      } catch (error) {
        await root.close()
        throw error
      }
    }
  } catch (error) {
    await Promise.all(mounts.map((mount) => mount.root.close()))
    throw error
  }
  return mounts
}
