import { randomBytes } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { chmod, lstat, mkdir, readdir, readFile, readlink, realpath, rename, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CordonError } from '#core/errors.ts'

/** `<boot>.<process namespace>.<process>.<its start>.<random>`: who made a folder, so that others can tell when that one is gone. */
const namePattern = /^([0-9a-f]{8})\.([0-9]+)\.([0-9]+)\.([0-9]+)\.[0-9a-f]{16}$/

const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8)

const processNamespace = async (): Promise<string> => /[0-9]+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0'

/** When a process started, in clock ticks since boot (proc(5), field 22 of `stat`); undefined when there is no such process. */
const startOf = async (pid: string): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name, in brackets, may hold anything: fields are counted from behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Whether whoever made a folder of that name is gone for good. What other namespaces run cannot be seen from here. */
const isLeftOver = async (name: string): Promise<boolean> => {
  const [, boot, namespace, pid, start] = namePattern.exec(name) ?? []
  if (boot === undefined || pid === undefined) return false
  if (boot !== (await bootId())) return true
  return namespace === (await processNamespace()) && (await startOf(pid)) !== start
}

/** What somebody else who removes the same folder has done already. */
const othersDid: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTEMPTY'])

const unlessDone = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && othersDid.has(error.code)) return undefined
    throw error
  }
}

const entriesOf = async (path: string): Promise<readonly Dirent[]> => (await unlessDone(readdir(path, { withFileTypes: true }))) ?? []

/**
 * Removes a folder with all that is in it. A guest can nest folders until their path is longer than any system call takes: so what is in a folder comes up to the
 * top first, and no path is ever longer than two names.
 */
const removeTree = async (top: string): Promise<void> => {
  const prefix = randomBytes(8).toString('hex')
  let moved = 0
  const empty = async (folder: string, removeFolder: (path: string) => Promise<void>): Promise<boolean> => {
    const entries = await entriesOf(folder)
    for (const entry of entries) {
      const path = join(folder, entry.name)
      await unlessDone(entry.isDirectory() ? removeFolder(path) : unlink(path))
    }
    return entries.length === 0
  }
  const moveUp = (path: string): Promise<void> => rename(path, join(top, `${prefix}.${(moved += 1)}`))
  const flatten = async (path: string): Promise<void> => {
    await empty(path, moveUp)
    await rmdir(path)
  }
  while (!(await empty(top, flatten)));
  await unlessDone(rmdir(top))
}

/** Removes the private folders of processes that ended without doing so. One that cannot be removed keeps nobody from the rest. */
export const sweepPrivateFolders = async (base: string): Promise<void> => {
  for (const name of await readdir(base)) {
    if (await isLeftOver(name)) await removeTree(join(base, name)).catch(() => undefined)
  }
}

/** Whoever could rename what is in the base could pass off a folder of theirs as a private one. Throws CordonError `mount.invalid`. */
const checkBase = async (base: string): Promise<void> => {
  const { uid, mode } = await lstat(base)
  if (uid === process.geteuid?.() && (mode & 0o022) === 0) return
  throw new CordonError(
    'mount.invalid',
    `expected the folder for private copies, \`${base}\`, to be this user's and nobody else's to write`,
    {
      hint: 'remove it, or take the rights of others away (chmod 700)',
    },
  )
}

/** A folder that only this user can enter. */
export interface PrivateFolder extends AsyncDisposable {
  /** Real path. */
  readonly path: string
}

/**
 * Makes a private folder below `base`, which is made when it is missing; sweeps what dead processes left there. Gone when disposed.
 * Throws CordonError `mount.invalid` where others can change the base.
 */
export const makePrivateFolder = async (base: string): Promise<PrivateFolder> => {
  await mkdir(base, { recursive: true, mode: 0o700 })
  const real = await realpath(base)
  await checkBase(real)
  await sweepPrivateFolders(real)
  const pid = await readlink('/proc/self')
  const parts = [await bootId(), await processNamespace(), pid, (await startOf(pid)) ?? '0', randomBytes(8).toString('hex')]
  const path = join(real, parts.join('.'))
  await mkdir(path, { mode: 0o700 })
  // Whatever the process's umask is.
  await chmod(path, 0o700)
  return { path, [Symbol.asyncDispose]: () => removeTree(path) }
}
