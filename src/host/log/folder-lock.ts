import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CordonError } from '#core/errors.ts'
import type { FileOps } from '#host/log/file-ops.ts'
import { lockFile } from '#host/log/layout.ts'

/** Start time of a process in clock ticks (proc(5), field 22): with the pid it names one process, however pids are reused. */
const startTimeOf = (pid: number): string => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const holderIsAlive = (holder: { pid?: unknown; started?: unknown }): boolean => {
  if (typeof holder.pid !== 'number') return false
  const started = startTimeOf(holder.pid)
  return started !== '' && started === holder.started
}

const readHolder = (path: string): { pid?: unknown; started?: unknown; id?: unknown } => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * Makes this process the folder's one writer, and gives the function that ends that. A lock left by a process that is gone is taken over.
 * Throws CordonError `audit.occupied`.
 */
export const lockFolder = async (folder: string, ops: FileOps): Promise<() => Promise<void>> => {
  const path = join(folder, lockFile)
  const id = randomUUID()
  const mine = Buffer.from(JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid), id }))
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await ops.createExclusive(path, mine)) {
      return async () => {
        if (readHolder(path).id === id) await ops.remove(path)
      }
    }
    const holder = readHolder(path)
    if (holderIsAlive(holder)) {
      throw new CordonError('audit.occupied', `the audit folder \`${folder}\` is in use by process ${String(holder.pid)}`, {
        hint: 'one runtime writes one folder: choose another with --audit, or end that process',
      })
    }
    await takeOver(path, { holder, id }, ops)
  }
  throw new CordonError('audit.occupied', `the audit folder \`${folder}\` is being taken by others`, {
    hint: 'choose another with --audit',
  })
}

/**
 * Removes a dead holder's lock. It is moved aside first and looked at again, since another process may have taken the folder over in
 * between: then its lock is put back.
 */
const takeOver = async (path: string, { holder, id }: { holder: { id?: unknown }; id: string }, ops: FileOps): Promise<void> => {
  const aside = `${path}.${id}`
  if (!(await ops.move(path, aside))) return
  if (readHolder(aside).id !== holder.id) await ops.createExclusive(path, readFileSync(aside))
  await ops.remove(aside)
}
