import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What Linux tells of a process under `/proc`. Each answer is `undefined` once the process is gone or not ours to see. */

const auxiliaryEntryBytes = 16
const pageSizeEntry = 6n
const clockTicksEntry = 17n

/** A constant of the running kernel out of the auxiliary vector; 16 and 64 KiB pages exist on arm64. */
const kernelConstant = (wanted: bigint, otherwise: number): number => {
  try {
    const vector = readFileSync('/proc/self/auxv')
    for (let at = 0; at + auxiliaryEntryBytes <= vector.length; at += auxiliaryEntryBytes) {
      if (vector.readBigUInt64LE(at) === wanted) return Number(vector.readBigUInt64LE(at + 8))
    }
  } catch {
    // Not ours to read: the common value.
  }
  return otherwise
}

const pageBytes = kernelConstant(pageSizeEntry, 4096)
const usPerTick = 1_000_000 / kernelConstant(clockTicksEntry, 100)

const read = (pid: number, name: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

const linkTarget = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The fields of `/proc/<pid>/stat` from the third on; the second, in parentheses, is text the process chooses. */
const statFields = (pid: number): readonly string[] | undefined => {
  const line = read(pid, 'stat')
  return line?.slice(line.lastIndexOf(')') + 2).split(' ')
}

const numberAt = (fields: readonly string[] | undefined, index: number): number | undefined => {
  const value = Number(fields?.[index])
  return fields === undefined || Number.isNaN(value) ? undefined : value
}

/** When the process started, in clock ticks since boot: with the pid it names one process for ever. */
export const startTicks = (pid: number): number | undefined => numberAt(statFields(pid), 19)

/** The process's parent. */
export const parentOf = (pid: number): number | undefined => numberAt(statFields(pid), 1)

/**
 * CPU time in microseconds, all threads. The kernel's total comes in steps of 10 ms; the main thread's own
 * time is exact, and it is where guests run: the larger of the two.
 */
export const readCpuUs = (pid: number): number | undefined => {
  const fields = statFields(pid)
  const user = numberAt(fields, 11)
  const system = numberAt(fields, 12)
  if (user === undefined || system === undefined) return undefined
  const mainThreadNs = Number(read(pid, 'schedstat')?.split(' ')[0] ?? 0)
  return Math.max((user + system) * usPerTick, Math.floor(mainThreadNs / 1000))
}

/** Resident bytes. */
export const readResidentBytes = (pid: number): number | undefined => {
  const pages = numberAt(read(pid, 'statm')?.split(' '), 1)
  return pages === undefined ? undefined : pages * pageBytes
}

/** The lines of `/proc/<pid>/status` that posture and limits are made from. */
export interface ProcessStatus {
  readonly noNewPrivileges: boolean
  /** 0 none, 1 strict, 2 filter. */
  readonly seccompMode: number
  /** Hex masks, as the kernel prints them. */
  readonly effectiveCapabilities: string
  readonly boundingCapabilities: string
  /** What RLIMIT_DATA counts, in bytes. */
  readonly dataBytes: number
}

export const readStatus = (pid: number): ProcessStatus | undefined => {
  const text = read(pid, 'status')
  if (text === undefined) return undefined
  const line = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(text)?.[1] ?? ''
  return {
    noNewPrivileges: line('NoNewPrivs') === '1',
    seccompMode: Number(line('Seccomp') || '0'),
    effectiveCapabilities: line('CapEff'),
    boundingCapabilities: line('CapBnd'),
    dataBytes: Number(line('VmData') || '0') * 1024,
  }
}

/** The kinds of namespace a posture speaks of. */
export const namespaceKinds = ['net', 'pid', 'mnt', 'user', 'ipc', 'uts', 'cgroup'] as const

/** The identity of each namespace of a process, `undefined` where it cannot be read. */
export const readNamespaces = (pid: number | 'self'): ReadonlyMap<string, string | undefined> =>
  new Map(namespaceKinds.map((kind) => [kind, linkTarget(`/proc/${pid}/ns/${kind}`)]))

/** What each open descriptor of a process points at, or `undefined` when they cannot be read. */
export const readDescriptors = (pid: number | 'self'): ReadonlyMap<number, string> | undefined => {
  try {
    return new Map(
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        const target = linkTarget(`/proc/${pid}/fd/${fd}`)
        return target === undefined ? [] : [[Number(fd), target] as const]
      }),
    )
  } catch {
    return undefined
  }
}

const closeOnExec = 0o2000000

const survivesExec = (fd: string): boolean => {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0
  } catch {
    return false
  }
}

/** Descriptors of this process, past the standard three, that a program it starts would inherit. */
export const inheritableDescriptors = (): readonly number[] => {
  try {
    return readdirSync('/proc/self/fd')
      .filter((fd) => Number(fd) > 2 && survivesExec(fd))
      .map(Number)
  } catch {
    return []
  }
}
