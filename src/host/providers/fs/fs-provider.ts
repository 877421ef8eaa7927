import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FsCapability } from '#core/capability/capability.ts'
import type { Granted } from '#core/policy/grant.ts'
import type { FsRule } from '#core/policy/rules.ts'
import type { ClosingAct, ClosingOutcome, OpenHandle, Performed, Plan, Provider, ProviderSession } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import { descriptorPaths } from './descriptor-paths.ts'
import { fsFault } from './errors.ts'
import { identityWith } from './file-stat.ts'
import {
  fsOps,
  handleOf,
  isContinuing,
  isDecided,
  openOf,
  performContinuing,
  performDecided,
  type Scene,
  type Target,
  targetOf,
} from './fs-calls.ts'
import { FsPermit, type FsWorld } from './fs-world.ts'
import { isWithin, joinGuestPath, lexicalTarget, parseRelativePath } from './guest-path.ts'
import { InodeRegistry } from './inode-registry.ts'
import { Lease } from './lease.ts'
import { type Mount, MountTable, openMounts } from './mount.ts'
import { OpenDirectory } from './open-file.ts'
import { Turns } from '#host/providers/turns.ts'
import type { WriteBack } from './write-back.ts'

export interface FsOptions {
  /** Guest paths that a deny rule names: no directory above one may be moved, else the path would stop naming it. */
  readonly pinned?: readonly string[]
  /** Most entries (files, directories, links) a session may add to one mount; default 10,000. */
  readonly maxNewEntries?: number
  /** Most bytes a session may add to a mount whose rule has no quota; default 1 GiB. */
  readonly defaultQuotaBytes?: number
  /** Most bytes of a mount in memory whose rule has no quota; default 16 MiB. */
  readonly defaultMemoryBytes?: number
  /** Guest paths that the bundle asks for; without them, all of every mount. */
  readonly requested?: readonly string[]
  /** Host folder in which private copies are made, each in one of its own; default one below the system's for temporary files. */
  readonly copyFolder?: string
}

/** A provider of files with the roots of its mounts, which the broker numbers. */
export interface FsProvider {
  readonly provider: Provider
  readonly preopens: readonly { readonly guestPath: string; readonly writable: boolean; readonly open: OpenHandle }[]
}

/** A walk holds up to 128 descriptors; eight at a time keep a session well below a process's limit. */
const maxWalks = 8

/** The file operations of one session, below the roots that were opened at its start. */
class MountedFs implements Provider {
  readonly ops = fsOps
  readonly #scene: Scene
  readonly #lease: Lease
  readonly #requested: readonly string[] | undefined

  constructor(scene: Scene, requested: readonly string[] | undefined) {
    this.#scene = scene
    this.#requested = requested
    this.#lease = new Lease(async () => {
      await Promise.all([...scene.world.openFiles].map((file) => file.close()))
      await scene.world.mounts.close()
    })
  }

  plan(call: Call): Plan {
    if (isDecided(call)) {
      const capability = this.#capability(targetOf(call))
      return { kind: 'capability', capability, effect: capability.action === 'fs:read' ? 'read' : 'external' }
    }
    if (isContinuing(call))
      return { kind: 'continuation', handle: handleOf(call), egressBytes: call.op === 'fs.write' ? call.body.length : 0 }
    throw new TypeError(`expected a call on files, got ${call.op}`)
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    const permit = new FsPermit(granted)
    if (!isDecided(call)) throw new TypeError(`expected a decided call on files, got ${call.op}`)
    const performed = await this.#working(() => this.#scene.world.walks.take(() => performDecided(this.#scene, call, permit)))
    const { elsewhere } = permit
    return elsewhere === undefined ? performed : { ...performed, summary: { path: elsewhere, ...performed.summary } }
  }

  async continue(call: Call): Promise<Performed> {
    if (!isContinuing(call)) throw new TypeError(`expected a call on an open file, got ${call.op}`)
    return this.#working(() => performContinuing(this.#scene, call))
  }

  closing(): readonly ClosingAct[] {
    return this.#scene.world.mounts.withWriteBack().map(([mount, writeBack]) => ({
      op: 'fs.write-back',
      capability: { action: 'fs:write', mount: mount.guestPath, path: this.#writtenBelow(mount) },
      perform: (granted) => writeBackUnder(new FsPermit(granted), mount, writeBack),
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease.close()
  }

  /** The mount, or the first folder in it that the bundle asks for when it does not ask for all of it: each path is decided besides. */
  #writtenBelow({ guestPath }: Mount): string {
    const requested = this.#requested ?? [guestPath]
    return requested.some((path) => isWithin(guestPath, path))
      ? guestPath
      : (requested.find((path) => isWithin(path, guestPath)) ?? guestPath)
  }

  /**
   * What a call asks for as its path reads, from where its directory is now. Where the path climbs out of every mount the
   * capability says so, and policy denies it: an attempt to escape is a recorded denial, not a malformed call.
   */
  #capability({ action, base, path }: Target): FsCapability {
    const { mounts } = this.#scene.world
    const open = openOf(this.#scene, base)
    if (path !== undefined && open.type !== 'directory') throw fsFault('not-directory')
    const start = open.guestPath()
    if (path === undefined) return { action, mount: open.mount.guestPath, path: start }
    const target = lexicalTarget(start, parseRelativePath(path))
    return { action, mount: mounts.covering(target)?.guestPath ?? '/', path: target }
  }

  async #working(work: () => Promise<Performed>): Promise<Performed> {
    if (this.#scene.session.signal.aborted) throw fsFault('interrupted')
    return await this.#lease.use(work)
  }
}

/** Takes a private copy's changes to the host, path by path as policy allows. */
const writeBackUnder = async (permit: FsPermit, mount: Mount, writeBack: WriteBack): Promise<ClosingOutcome> => {
  const target = (path: readonly string[]): FsCapability => ({
    action: 'fs:write',
    mount: mount.guestPath,
    path: joinGuestPath(mount.guestPath, path.join('/')),
  })
  const { refused, refusedCount, ...counts } = await writeBack((path) => permit.allows(target(path)))
  return {
    summary: { path: mount.guestPath, ...counts, ...(refusedCount > 0 && { refused: refusedCount }) },
    refused: refused.map(([path, why]) => ({ capability: target(path.split('/')), why: `${path}: ${why}` })),
    refusedCount,
  }
}

const openPreopen = async (mount: Mount, world: FsWorld): Promise<FsProvider['preopens'][number]> => {
  const { guestPath, mode } = mount
  return { guestPath, writable: mode === 'rw', open: new OpenDirectory({ held: await mount.root.again(), mount, guestPath }, world) }
}

/**
 * Performs `fs.*` below the given mounts. Opens every root now, makes the private copies, and never uses a host path again.
 * Throws CordonError `mount.invalid` where a root is missing or no directory, two have one guest path, a folder with a quota is too
 * large to measure or to copy, or the platform cannot walk paths without races.
 */
export const createFsProvider = async (
  session: ProviderSession,
  rules: readonly FsRule[],
  options: FsOptions = {},
): Promise<FsProvider> => {
  const { pinned = [], maxNewEntries = 10_000, defaultQuotaBytes = 1024 ** 3, defaultMemoryBytes = 16 * 1024 ** 2 } = options
  const copyFolder = options.copyFolder ?? join(tmpdir(), `cordon-copies-${process.getuid?.() ?? 0}`)
  const mounts = await openMounts(rules, { maxNewEntries, defaultQuotaBytes, defaultMemoryBytes, copyFolder }, () => descriptorPaths())
  const world: FsWorld = {
    mounts: new MountTable(mounts),
    inodes: new InodeRegistry(),
    openFiles: new Set(),
    identify: identityWith(randomBytes(32)),
    pinned: [...pinned, ...mounts.map((mount) => mount.guestPath)],
    walks: new Turns(maxWalks),
  }
  const preopens = await Promise.all(mounts.map((mount) => openPreopen(mount, world)))
  return { provider: new MountedFs({ world, session }, options.requested), preopens }
}
