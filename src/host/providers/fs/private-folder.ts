import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'

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

/** Removes the private folders of processes that ended without doing so. */
export const sweepPrivateFolders = async (base: string): Promise<void> => {
  for (const name of await readdir(base)) {
    if (await isLeftOver(name)) await rm(join(base, name), { recursive: true, force: true })
  }
}

/** A folder that only this user can enter. */
export interface PrivateFolder extends AsyncDisposable {
  /** Real path. */
  readonly path: string
}

/** Makes a private folder below `base`, which is made when it is missing; sweeps what dead processes left there. Gone when disposed. */
export const makePrivateFolder = async (base: string): Promise<PrivateFolder> => {
  await mkdir(base, { recursive: true, mode: 0o700 })
  const real = await realpath(base)
  await sweepPrivateFolders(real)
  const pid = await readlink('/proc/self')
  const parts = [await bootId(), await processNamespace(), pid, (await startOf(pid)) ?? '0', randomBytes(8).toString('hex')]
  const path = join(real, parts.join('.'))
  await mkdir(path, { mode: 0o700 })
  // Whatever the process's umask is.
  await chmod(path, 0o700)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
