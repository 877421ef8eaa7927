import { createHash, randomUUID } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { CordonError } from '#core/errors.ts'
import type { FileOps } from '#host/log/file-ops.ts'
import { lockFile } from '#host/log/layout.ts'

const maxLockBytes = 4096
/** Holders that died one after the other without anyone ending well in between. */
const maxSuccessions = 1000

/** Start time of a process in clock ticks (proc(5), field 22): with the pid it names one process, however pids are reused. */
const startTimeOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const readHolder = (text: string): { pid?: unknown; started?: unknown } => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

const livingPid = (text: string): number | undefined => {
  const { pid, started } = readHolder(text)
  if (typeof pid !== 'number') return undefined
  const now = startTimeOf(pid)
  return now !== '' && now === started ? pid : undefined
}

const occupied = (folder: string, by: string, hint: string): CordonError =>
  new CordonError('audit.occupied', `the audit folder \`${folder}\` is ${by}`, { hint })

/** The text of a lock; undefined when it is not there. A link or a pipe there is nobody's lock: throws. */
const readLock = (folder: string, path: string): string | undefined => {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw occupied(folder, 'locked by something that is no lock', 'choose another with --audit')
  }
  try {
    if (!fstatSync(file).isFile()) throw occupied(folder, 'locked by something that is no lock', 'choose another with --audit')
    const buffer = Buffer.alloc(maxLockBytes)
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, maxLockBytes, 0))
  } finally {
    closeSync(file)
  }
}

interface Lock {
  readonly path: string
  readonly text: string
}

/**
 * The locks of a folder in order of succession. The first is `lock`; whoever takes over from a holder that died makes
 * `lock.<digest of that holder's lock>`, which only one can. The last one holds the folder.
 */
const successionIn = (folder: string): readonly Lock[] => {
  const locks: Lock[] = []
  let path = join(folder, lockFile)
  for (let text = readLock(folder, path); text !== undefined; text = readLock(folder, path)) {
    locks.push({ path, text })
    if (locks.length > maxSuccessions) throw occupied(folder, 'locked too often', 'choose another with --audit')
    path = nextPath(folder, text)
  }
  return locks
}

const nextPath = (folder: string, text: string): string =>
  join(folder, `${lockFile}.${createHash('sha256').update(text).digest('hex').slice(0, 32)}`)

/**
 * Makes this process the folder's one writer, and gives the function that ends that. Takes over from a holder that is gone, however
 * many try at once: nothing of another process is ever moved or removed. Throws CordonError `audit.occupied`.
 */
export const lockFolder = async (folder: string, ops: FileOps): Promise<() => Promise<void>> => {
  const mine = JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid), id: randomUUID() })
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const last = successionIn(folder).at(-1)
    const pid = last === undefined ? undefined : livingPid(last.text)
    if (pid !== undefined)
      throw occupied(folder, `in use by process ${pid}`, 'one runtime writes one folder: choose another with --audit, or end that process')
    const path = last === undefined ? join(folder, lockFile) : nextPath(folder, last.text)
    if (!(await ops.createExclusive(path, Buffer.from(mine)))) continue
    // Whoever held it meanwhile and let go took the whole succession away: then this lock continues nothing.
    if (successionIn(folder).at(-1)?.text === mine) return () => unlock(folder, mine, ops)
    await ops.remove(path)
  }
  throw occupied(folder, 'being taken by others', 'choose another with --audit')
}

const unlock = async (folder: string, mine: string, ops: FileOps): Promise<void> => {
  const locks = successionIn(folder)
  if (locks.at(-1)?.text !== mine) return
  // The first one first: with it the folder is free.
  for (const { path } of locks) await ops.remove(path)
}
