import { runJobs } from './jobs.ts'
import { GuestPromise, takeUnhandled } from './promise.ts'
import { clearAllTimers, runNextTimer } from './timers.ts'

/** Thrown when nothing is left that could settle what the agent waits for. */
class StalledError extends Error {
  constructor() {
    super('waits for a promise that nothing will ever settle')
    this.name = 'StalledError'
  }
}

/** Runs jobs and timers until `value`, if it is a promise, is settled; gives its value or throws its reason. */
export const settle = (value: unknown): unknown => {
  const promise = GuestPromise.resolve(value)
  // What it rejects with is thrown below.
  promise.catch(() => undefined)
  try {
    for (runJobs(); GuestPromise.inspect(promise).state === 'pending'; runJobs()) {
      if (!runNextTimer()) throw new StalledError()
    }
  } finally {
    clearAllTimers()
    for (const reason of takeUnhandled()) console.error('unhandled rejection:', reason)
  }
  const settled = GuestPromise.inspect(promise)
  if (settled.state === 'rejected') throw settled.value
  return settled.value
}
