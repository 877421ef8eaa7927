import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { readResidentBytes, readStatus } from './proc.ts'
import { findTrustedTool } from './trusted-tool.ts'

const pollMs = 10

/** Looks at a process every 10 ms; calls `over` once when its resident bytes pass `limitBytes`. Returns what stops it. */
export const watchResidentBytes = (pid: number, limitBytes: number, over: (bytes: number) => void): (() => void) => {
  const timer = setInterval(() => {
    const bytes = readResidentBytes(pid) ?? 0
    if (bytes <= limitBytes) return
    clearInterval(timer)
    over(bytes)
  }, pollMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** What may be mapped and not touched; past the resident budget, so that the watchdog is the first to see. */
const dataHeadroom = 1.5
const dataSlackBytes = 64 * 1024 * 1024

/**
 * Sets RLIMIT_DATA of a running process to what it has mapped now, plus the budget and half of it again: growth too
 * fast for the poll fails in the process itself. False when the machine has no `prlimit` to do it with, or it was refused.
 */
export const limitData = async (pid: number, budgetBytes: number, searchPath: string): Promise<boolean> => {
  const prlimit = findTrustedTool('prlimit', searchPath)
  const status = readStatus(pid)
  if (prlimit === undefined || status === undefined) return false
  const bytes = status.dataBytes + Math.ceil(budgetBytes * dataHeadroom) + dataSlackBytes
  try {
    await promisify(execFile)(prlimit, ['--pid', `${pid}`, `--data=${bytes}`], { env: {}, timeout: 5000 })
    return true
  } catch {
    return false
  }
}
