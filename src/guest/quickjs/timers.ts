import { now, subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.12'

import { release, u64 } from '#guest/engine.ts'

interface Timer {
  readonly id: number
  readonly dueMs: number
  /** Milliseconds between runs, undefined for one run. */
  readonly everyMs: number | undefined
  readonly run: () => void
}

let timers: Timer[] = []
let lastId = 0
/** When this turn began: timers set in one turn count from one time, so that the shorter one is due first. */
let turnMs: number | undefined

/** Milliseconds of the monotonic clock. */
const nowMs = (): number => Number(now()) / 1e6

const add = (timer: Timer): void => {
  const at = timers.findIndex(({ dueMs }) => dueMs > timer.dueMs)
  timers.splice(at === -1 ? timers.length : at, 0, timer)
}

const start = (callback: unknown, delay: unknown, args: readonly unknown[], repeats: boolean): number => {
  if (typeof callback !== 'function') throw new TypeError('expected a function to call later')
  const ms = Math.max(repeats ? 1 : 0, Math.min(Number(delay) || 0, 0x7fff_ffff))
  lastId += 1
  turnMs ??= nowMs()
  add({ id: lastId, dueMs: turnMs + ms, everyMs: repeats ? ms : undefined, run: () => void Reflect.apply(callback, undefined, args) })
  return lastId
}

export const setTimeout = (callback: unknown, delay?: unknown, ...args: unknown[]): number => start(callback, delay, args, false)
export const setInterval = (callback: unknown, delay?: unknown, ...args: unknown[]): number => start(callback, delay, args, true)
export const clearTimer = (id: unknown): void => {
  timers = timers.filter((timer) => timer.id !== id)
}

/** Waits in the host for the next timer and runs it; false when there is none. */
export const runNextTimer = (): boolean => {
  const timer = timers.shift()
  if (timer === undefined) return false
  const waitMs = timer.dueMs - nowMs()
  if (waitMs > 0) {
    const pollable = subscribeDuration(u64(Math.ceil(waitMs * 1e6)))
    pollable.block()
    release(pollable)
  }
  turnMs = undefined
  if (timer.everyMs !== undefined) add({ ...timer, dueMs: nowMs() + timer.everyMs })
  timer.run()
  return true
}

/** Forgets all timers: what outlives a run is not carried into the next. */
export const clearAllTimers = (): void => {
  timers = []
  turnMs = undefined
}
