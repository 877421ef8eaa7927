import type { FsCapability } from '#core/capability/capability.ts'
import type { Granted } from '#core/policy/grant.ts'
import { fsFault } from './errors.ts'
import type { Identify } from './file-stat.ts'
import { isWithin, parseRelativePath } from './guest-path.ts'
import type { Mount, MountTable } from './mount.ts'
import { OpenDirectory, type OpenFile, type OpenFileWorld } from './open-file.ts'
import type { Turns } from '#host/providers/turns.ts'
import { type LastSegment, type Located, Walk } from './walk.ts'

/** What the file operations of one session stand on. */
export interface FsWorld extends OpenFileWorld {
  readonly mounts: MountTable
  readonly identify: Identify
  /** Guest paths that must keep naming what they name. */
  readonly pinned: readonly string[]
  /** Bounds the walks at one time, and with them the descriptors they hold. */
  readonly walks: Turns
}

/** Walks `path` from an open directory and does `work` where it leads, while every directory on the way is held. */
export const atPath = async <T>(
  world: FsWorld,
  from: { readonly base: OpenFile | OpenDirectory; readonly path: string },
  last: LastSegment,
  work: (located: Located) => Promise<T>,
): Promise<T> => {
  const { base, path } = from
  if (!(base instanceof OpenDirectory)) throw fsFault('not-directory')
  const parsed = parseRelativePath(path)
  return base.use(async (held) => {
    const start = { mount: base.mount, held, guestPath: base.mount.guestPathOf(held) }
    await using walk = new Walk(world.mounts, start, parsed, last)
    return await work(await walk.locate())
  })
}

/** A grant for an act on files, used up: compares where a walk really led with what was decided. */
export class FsPermit {
  readonly #granted: Granted
  readonly #target: FsCapability
  #elsewhere: string | undefined

  /** Throws TypeError when the grant is not for files, was used, or is over. */
  constructor(granted: Granted) {
    const target = granted.consume()
    if (target.action !== 'fs:read' && target.action !== 'fs:write') throw new TypeError('expected a grant for files')
    this.#granted = granted
    this.#target = target
  }

  /** The guest path that was really reached, where links made it another than the one that was decided on and recorded. */
  get elsewhere(): string | undefined {
    return this.#elsewhere
  }

  /** Refuses a place that is neither the decided target nor one that policy also allows: a link led elsewhere. */
  check(action: FsCapability['action'], { parent, guestPath }: Located): void {
    this.checkPlace(action, { mount: parent.mount, guestPath })
  }

  /** Whether policy also allows another act, of which this one consists. */
  allows(capability: FsCapability): boolean {
    return this.#granted.alsoAllows(capability)
  }

  /** {@link check} for a handle itself. */
  checkPlace(action: FsCapability['action'], { mount, guestPath }: { readonly mount: Mount; readonly guestPath: string }): void {
    if (action === 'fs:write' && mount.mode !== 'rw') throw fsFault('read-only', `\`${mount.guestPath}\` is mounted ro`)
    const actual: FsCapability = { action, mount: mount.guestPath, path: guestPath }
    const decided = this.#target.action === action && this.#target.mount === actual.mount && this.#target.path === guestPath
    if (decided) return
    if (!this.#granted.alsoAllows(actual)) throw fsFault('not-permitted', `leads to \`${guestPath}\``)
    this.#elsewhere = guestPath
  }
}

/** Refuses to move away a directory above a pinned path: what lies there would get another name, which no rule denies. */
export const refusePinned = (world: FsWorld, guestPath: string): void => {
  const pinned = world.pinned.find((path) => isWithin(path, guestPath))
  if (pinned !== undefined) throw fsFault('busy', `\`${pinned}\` must keep its place`)
}
