import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FsRule } from '#core/policy/rules.ts'
import { createFsProvider, type FsOptions } from '#host/providers/fs/fs-provider.ts'
import type { CallArgs } from '#wire/calls.ts'
import { type Answer, fsRule, GuestSession, policyOf } from '../guest-session.ts'

/** A scratch folder of its own, gone with `await using`. */
export const scratchFolder = async (): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> => {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'cordon-fs-')))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export type OpenFlags = Partial<Omit<CallArgs<'fs.open'>, 'dir' | 'path'>>

/** A guest with mounts, and the calls a guest makes. */
export class MountedGuest {
  readonly session: GuestSession
  readonly roots: ReadonlyMap<string, number>

  constructor(session: GuestSession, roots: ReadonlyMap<string, number>) {
    this.session = session
    this.roots = roots
  }

  root(guestPath = '/box'): number {
    const handle = this.roots.get(guestPath)
    if (handle === undefined) throw new TypeError(`no mount at ${guestPath}`)
    return handle
  }

  open(path: string, flags: OpenFlags = {}, dir = this.root()): Promise<Answer> {
    const wish = {
      followLinks: true,
      create: false,
      exclusive: false,
      truncate: false,
      directory: false,
      read: true,
      write: false,
      sync: 'none',
    } as const
    return this.session.call('fs.open', { dir, path, ...wish, ...flags })
  }

  create(path: string, dir = this.root()): Promise<Answer> {
    return this.open(path, { create: true, write: true }, dir)
  }

  /** The text of a file, or the code of the refusal. */
  async read(path: string, flags: OpenFlags = {}, dir = this.root()): Promise<string> {
    const opened = await this.open(path, flags, dir)
    if (!opened.ok) return opened.code
    const got = await this.session.call('fs.read', { handle: opened.handle, offset: 0, length: 65_536 })
    await this.session.call('fs.close', { handle: opened.handle })
    return got.ok ? new TextDecoder().decode(got.body) : got.code
  }

  /** Writes a whole file; `ok` or the code of the refusal. */
  async write(path: string, content: string, dir = this.root()): Promise<string> {
    const opened = await this.open(path, { create: true, write: true, truncate: true }, dir)
    if (!opened.ok) return opened.code
    const put = await this.session.call('fs.write', { handle: opened.handle, offset: 0 }, content)
    await this.session.call('fs.close', { handle: opened.handle })
    return put.ok ? 'ok' : put.code
  }

  symlink(target: string, path: string, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.symlink', { dir, target, path })
  }

  rename(path: string, toPath: string, dirs: { from?: number; to?: number } = {}): Promise<Answer> {
    return this.session.call('fs.rename', { dir: dirs.from ?? this.root(), path, toDir: dirs.to ?? this.root(), toPath })
  }

  link(path: string, toPath: string, dirs: { from?: number; to?: number } = {}): Promise<Answer> {
    return this.session.call('fs.link', {
      dir: dirs.from ?? this.root(),
      path,
      toDir: dirs.to ?? this.root(),
      toPath,
    })
  }

  mkdir(path: string, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.mkdir', { dir, path })
  }

  rmdir(path: string, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.rmdir', { dir, path })
  }

  unlink(path: string, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.unlink', { dir, path })
  }

  readlink(path: string, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.readlink', { dir, path })
  }

  /** The names of a directory, page by page. */
  async names(dir = this.root()): Promise<string[]> {
    const names: string[] = []
    for (let after: string | null = null, more = true; more;) {
      const page = okOf(await this.session.call('fs.list', { handle: dir, after })).value
      const entries = page['entries'] as readonly (readonly [string, string])[]
      names.push(...entries.map(([name]) => name))
      after = names.at(-1) ?? null
      more = page['more'] === true
    }
    return names
  }

  stat(path: string, followLinks = true, dir = this.root()): Promise<Answer> {
    return this.session.call('fs.stat-at', { dir, path, followLinks })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]()
  }
}

/** The answer, which must not be a refusal. */
export const okOf = <A extends { ok: boolean }>(answer: A): Extract<A, { ok: true }> => {
  if (!answer.ok) throw new Error(`expected an answer, got ${JSON.stringify(answer)}`)
  return answer as Extract<A, { ok: true }>
}

/** The code of a refusal, or `ok`. */
export const codeOf = (answer: Answer): string => (answer.ok ? 'ok' : answer.code)

/** A mount as a test asks for it. */
export interface MountWish {
  readonly hostPath?: string
  readonly mode?: 'ro' | 'rw'
  readonly kind?: FsRule['mountKind']
  readonly quotaBytes?: number
  readonly quotaEntries?: number
}

/** A guest with the given mounts: `{ '/box': { hostPath, mode } }`. */
export const mountedGuest = async (
  mounts: Readonly<Record<string, MountWish>>,
  options: FsOptions & { denies?: readonly FsRule[] } = {},
): Promise<MountedGuest> => {
  const rules = Object.entries(mounts).map(([guestPath, { hostPath, mode = 'rw', kind = 'live', quotaBytes, quotaEntries }]) =>
    fsRule(guestPath, mode, { hostPath, quotaBytes, quotaEntries, mountKind: kind }),
  )
  const session = new GuestSession(policyOf({ fs: rules }, { fs: options.denies ?? [] }))
  const { provider, preopens } = await createFsProvider(session, rules, options)
  session.use(provider)
  return new MountedGuest(session, new Map(preopens.map(({ guestPath, open }) => [guestPath, session.adopt(open)])))
}
