import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FsCapability } from '#core/capability/capability.ts'
import type { Granted } from '#core/policy/grant.ts'
import type { FsRule } from '#core/policy/rules.ts'
import type { OpenHandle, Performed, Plan, Provider, ProviderSession } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import { descriptorPaths } from './descriptor-paths.ts'
import { faultOfErrno, fsFault } from './errors.ts'
import { identityWith } from './file-stat.ts'
import {
  fileOf,
  fsOps,
  handleOf,
  isContinuing,
  isDecided,
  performContinuing,
  performDecided,
  type Scene,
  type Target,
  targetOf,
} from './fs-calls.ts'
import { FsPermit, type FsWorld } from './fs-world.ts'
import { lexicalTarget, parseRelativePath } from './guest-path.ts'
import { InodeRegistry } from './inode-registry.ts'
import { Lease } from './lease.ts'
import { type Mount, MountTable, O_PATH, openMounts } from './mount.ts'
import { OpenFile } from './open-file.ts'
import { Turns } from '#host/providers/turns.ts'

export interface FsOptions {
  /** Guest paths that a deny rule names: no directory above one may be moved, else the path would stop naming it. */
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

/** A walk holds up to 128 descriptors; eight at a time keep a session well below a process's limit. */
const maxWalks = 8

/** The file operations of one session, below the roots that were opened at its start. */
class MountedFs implements Provider {
  readonly ops = fsOps
  readonly #scene: Scene
  readonly #lease: Lease

  constructor(scene: Scene) {
    this.#scene = scene
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease.close()
  }

  /**
   * What a call asks for as its path reads, from where its directory is now. Where the path climbs out of every mount the
   * capability says so, and policy denies it: an attempt to escape is a recorded denial, not a malformed call.
   */
  #capability({ action, base, path }: Target): FsCapability {
    const { mounts } = this.#scene.world
    const file = fileOf(this.#scene, base)
    if (path !== undefined && file.type !== 'directory') throw fsFault('not-directory')
    const start = this.#guarded(() => file.peek((handle) => mounts.guestPathOf(file.mount, handle)))
    if (path === undefined) return { action, mount: file.mount.guestPath, path: start }
    const target = lexicalTarget(start, parseRelativePath(path))
    return { action, mount: mounts.covering(target)?.guestPath ?? '/', path: target }
  }

  async #working(work: () => Promise<Performed>): Promise<Performed> {
    if (this.#scene.session.signal.aborted) throw fsFault('interrupted')
    try {
      return await this.#lease.use(work)
    } catch (error) {
      throw faultOfErrno(error)
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw faultOfErrno(error)
    }
  }
}

const openPreopen = async (mount: Mount, world: FsWorld): Promise<{ guestPath: string; open: OpenHandle }> => {
  const handle = await open(world.paths.itself(mount.root), O_PATH)
  const stats = await handle.stat({ bigint: true })
  const { guestPath } = mount
  return { guestPath, open: new OpenFile({ handle, mount, type: 'directory', guestPath, canRead: true, canWrite: false, stats }, world) }
}

/**
 * Performs `fs.*` below the given mounts (`hostPath` set). Opens every root now and never uses a host path again.
 * Throws CordonError `mount.invalid` where a root is missing or no directory, two have one guest path, a folder with a quota is too
 * large to measure, or the platform cannot walk paths without races.
 */
export const createFsProvider = async (
  session: ProviderSession,
  rules: readonly FsRule[],
  options: FsOptions = {},
): Promise<FsProvider> => {
  const { pinned = [], maxNewEntries = 10_000, defaultQuotaBytes = 1024 ** 3 } = options
  const paths = descriptorPaths()
  const mounts = await openMounts(rules, { maxNewEntries, defaultQuotaBytes }, paths)
  const world: FsWorld = {
    paths,
    mounts: new MountTable(mounts, paths),
    inodes: new InodeRegistry(),
    openFiles: new Set(),
    identify: identityWith(randomBytes(32)),
    pinned: [...pinned, ...mounts.map((mount) => mount.guestPath)],
    walks: new Turns(maxWalks),
  }
  const preopens = await Promise.all(mounts.map((mount) => openPreopen(mount, world)))
  return { provider: new MountedFs({ world, session }), preopens }
}
