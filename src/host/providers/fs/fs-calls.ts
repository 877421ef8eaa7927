import type { FsCapability } from '#core/capability/capability.ts'
import type { Performed, ProviderSession } from '#host/broker/provider.ts'
import { type Call, type CallArgs, type CallOp, callOps } from '#wire/calls.ts'
import {
  changeTimes,
  makeDirectory,
  makeHardLink,
  makeSymlink,
  readEntryLink,
  removeDirectory,
  removeFile,
  renameEntry,
  setEntryTimes,
  statEntry,
} from './entry-operations.ts'
import { fsFault } from './errors.ts'
import { fileStatOf } from './file-stat.ts'
import type { HeldNode } from './file-tree.ts'
import { atPath, type FsPermit, type FsWorld } from './fs-world.ts'
import { changes, openEntry } from './open-entry.ts'
import { OpenDirectory, OpenFile } from './open-file.ts'
import type { LastSegment, Located } from './walk.ts'

/** Every operation on files. */
export type FsOp = Extract<CallOp, `fs.${string}`>
/** Those that name a target and are decided; the rest continue a handle. */
export type DecidedOp =
  | 'fs.open'
  | 'fs.stat-at'
  | 'fs.mkdir'
  | 'fs.rmdir'
  | 'fs.unlink'
  | 'fs.rename'
  | 'fs.link'
  | 'fs.symlink'
  | 'fs.readlink'
  | 'fs.set-times'
  | 'fs.set-times-at'
export type ContinuingOp = Exclude<FsOp, DecidedOp>

/** One call of the given operations, so that its `op` picks its own entry of a table. */
export type CallOf<O extends CallOp> = { readonly [K in O]: { readonly op: K; readonly args: CallArgs<K>; readonly body: Uint8Array } }[O]

/** What one operation works with. */
export interface Scene {
  readonly world: FsWorld
  readonly session: ProviderSession
}

/** What a decided operation is decided on: a path below a directory, or (`path` undefined) the handle itself. */
export interface Target {
  readonly action: FsCapability['action']
  readonly base: number
  readonly path: string | undefined
}

interface Decided<O extends DecidedOp> {
  target(args: CallArgs<O>): Target
  perform(scene: Scene, args: CallArgs<O>, permit: FsPermit): Promise<Performed>
}

interface Continuing<O extends ContinuingOp> {
  readonly handle: (args: CallArgs<O>) => number
  perform(scene: Scene, args: CallArgs<O>, body: Uint8Array): Promise<Performed>
}

const done: Performed = { value: {} }

/** The session's open file or directory of that number. Throws GuestFault `bad-descriptor`, also for a handle of another kind. */
export const openOf = ({ world, session }: Scene, number: number): OpenFile | OpenDirectory => {
  const handle = session.handle(number)
  const isOpen = (handle instanceof OpenFile || handle instanceof OpenDirectory) && world.openFiles.has(handle)
  if (!isOpen) throw fsFault('bad-descriptor')
  return handle
}

const fileOf = (scene: Scene, number: number): OpenFile => {
  const open = openOf(scene, number)
  if (open instanceof OpenDirectory) throw fsFault('is-directory')
  return open
}

const directoryOf = (scene: Scene, number: number): OpenDirectory => {
  const open = openOf(scene, number)
  if (open instanceof OpenFile) throw fsFault('not-directory')
  return open
}

const following = (followLinks: boolean): LastSegment => ({ followLinks, slashFollows: true })
/** The last segment is the thing itself, whatever follows it: for what makes, moves and removes names. */
const asNamed: LastSegment = { followLinks: false, slashFollows: false }

const from = (scene: Scene, dir: number, path: string): { base: OpenFile | OpenDirectory; path: string } => ({
  base: openOf(scene, dir),
  path,
})
const below = (action: FsCapability['action'], base: number, path: string): Target => ({ action, base, path })

/** The operations that name a target. */
const decidedOps: { readonly [O in DecidedOp]: Decided<O> } = {
  'fs.open': {
    target: (args) => below(changes(args) ? 'fs:write' : 'fs:read', args.dir, args.path),
    perform: (scene, args, permit) => {
      const last = following(args.followLinks && !(args.create && args.exclusive))
      return atPath(scene.world, from(scene, args.dir, args.path), last, async (located) => {
        permit.check(changes(args) ? 'fs:write' : 'fs:read', located)
        const opened = await openEntry(scene.world, located, args)
        return { value: { type: opened.type, writable: opened.mount.mode === 'rw' }, opened }
      })
    },
  },
  'fs.stat-at': {
    target: (args) => below('fs:read', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), following(args.followLinks), async (located) => {
        permit.check('fs:read', located)
        return { value: { ...(await statEntry(scene.world, located)) } }
      }),
  },
  'fs.readlink': {
    target: (args) => below('fs:read', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), asNamed, async (located) => {
        permit.check('fs:read', located)
        return { value: { target: await readEntryLink(located) } }
      }),
  },
  'fs.mkdir': changing((_, located) => makeDirectory(located)),
  'fs.rmdir': changing((_, located) => removeDirectory(located)),
  'fs.unlink': changing((world, located) => removeFile(world, located)),
  'fs.symlink': {
    target: (args) => below('fs:write', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), asNamed, async (located) => {
        permit.check('fs:write', located)
        await makeSymlink(located, args.target)
        return done
      }),
  },
  'fs.rename': {
    target: (args) => below('fs:write', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), asNamed, (source) =>
        atPath(scene.world, from(scene, args.toDir, args.toPath), asNamed, async (located) => {
          permit.check('fs:write', source)
          permit.check('fs:write', located)
          await renameEntry(scene.world, source, located)
          return { value: {}, summary: { to: located.guestPath } }
        }),
      ),
  },
  'fs.link': {
    target: (args) => below('fs:write', args.toDir, args.toPath),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), asNamed, (source) =>
        atPath(scene.world, from(scene, args.toDir, args.toPath), asNamed, async (located) => {
          // Whoever has another name for a file can read and change it by that name.
          permit.check('fs:read', source)
          permit.check('fs:write', source)
          permit.check('fs:write', located)
          await makeHardLink(scene.world, source, located)
          return { value: {}, summary: { from: source.guestPath } }
        }),
      ),
  },
  'fs.set-times-at': {
    target: (args) => below('fs:write', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), following(args.followLinks), async (located) => {
        permit.check('fs:write', located)
        await setEntryTimes(scene.world, located, args)
        return done
      }),
  },
  // By handle, but decided again: a directory is never opened to write.
  'fs.set-times': {
    target: (args) => ({ action: 'fs:write', base: args.handle, path: undefined }),
    perform: async (scene, args, permit) => {
      const open = openOf(scene, args.handle)
      await open.use(async (held: HeldNode) => {
        const guestPath = open.guestPath()
        permit.checkPlace('fs:write', { mount: open.mount, guestPath })
        await changeTimes(scene.world.inodes, held, args)
      })
      return done
    },
  },
}

/** An operation on one name that changes it and takes nothing else. */
function changing(change: (world: FsWorld, located: Located) => Promise<void>): Decided<'fs.mkdir' | 'fs.rmdir' | 'fs.unlink'> {
  return {
    target: (args) => below('fs:write', args.dir, args.path),
    perform: (scene, args, permit) =>
      atPath(scene.world, from(scene, args.dir, args.path), asNamed, async (located) => {
        permit.check('fs:write', located)
        await change(scene.world, located)
        return done
      }),
  }
}

/** The operations that continue a handle. */
const continuingOps: { readonly [O in ContinuingOp]: Continuing<O> } = {
  'fs.stat': {
    handle: (args) => args.handle,
    perform: async (scene, args) => {
      const stat = await openOf(scene, args.handle).stat()
      return { value: { ...fileStatOf(stat, scene.world.identify) } }
    },
  },
  'fs.read': {
    handle: (args) => args.handle,
    perform: async (scene, args) => {
      const length = Math.min(args.length, Math.max(0, scene.session.ingressLeft))
      if (length === 0 && args.length > 0) throw fsFault('quota', 'ingress limit reached')
      const body = await fileOf(scene, args.handle).read(args.offset, length)
      return { value: {}, body, ingressBytes: body.length }
    },
  },
  'fs.write': {
    handle: (args) => args.handle,
    perform: async (scene, args, body) => {
      const written = await fileOf(scene, args.handle).write(args.offset, body)
      return { value: { written }, egressBytes: written }
    },
  },
  'fs.list': {
    handle: (args) => args.handle,
    perform: async (scene, args) => ({ value: { ...(await directoryOf(scene, args.handle).list(args.after)) } }),
  },
  'fs.set-size': {
    handle: (args) => args.handle,
    perform: async (scene, args) => {
      await fileOf(scene, args.handle).resize(args.size)
      return done
    },
  },
  'fs.sync': {
    handle: (args) => args.handle,
    perform: async (scene, args) => {
      await openOf(scene, args.handle).sync(args.dataOnly)
      return done
    },
  },
  'fs.close': {
    handle: (args) => args.handle,
    perform: async (scene, args) => {
      await openOf(scene, args.handle).close()
      return { value: {}, closed: true }
    },
  },
}

/** All operations on files. */
export const fsOps: readonly CallOp[] = callOps.filter((op) => op.startsWith('fs.'))

export const isDecided = (call: Call): call is CallOf<DecidedOp> => Object.hasOwn(decidedOps, call.op)
export const isContinuing = (call: Call): call is CallOf<ContinuingOp> => Object.hasOwn(continuingOps, call.op)

/** The target that a decided call names. */
export const targetOf = <O extends DecidedOp>(call: CallOf<O>): Target => decidedOps[call.op].target(call.args)

/** Performs a decided call. */
export const performDecided = <O extends DecidedOp>(scene: Scene, call: CallOf<O>, permit: FsPermit): Promise<Performed> =>
  decidedOps[call.op].perform(scene, call.args, permit)

/** The handle that a continuing call names. */
export const handleOf = <O extends ContinuingOp>(call: CallOf<O>): number => continuingOps[call.op].handle(call.args)

/** Performs a continuing call. */
export const performContinuing = <O extends ContinuingOp>(scene: Scene, call: CallOf<O>): Promise<Performed> =>
  continuingOps[call.op].perform(scene, call.args, call.body)
