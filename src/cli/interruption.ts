import { CordonError } from '#index.ts'

/** A second signal this long after the first means it. */
const patienceMs = 1000

/**
 * Turns Ctrl-C and `kill` into an abort, so that a run ends with its records written; a second one, a while later, ends the process at once.
 * The handlers stay until the process ends: between a run's end and that moment a signal must not cut off what is still being written.
 */
export const interruption = (): AbortSignal => {
  const controller = new AbortController()
  let firstMs = 0
  const on = (error: CordonError): void => {
    if (!controller.signal.aborted) firstMs = performance.now()
    else if (performance.now() - firstMs > patienceMs) process.exit(error.exitCode)
    controller.abort(error)
  }
  process.on('SIGINT', () => on(new CordonError('session.interrupted', 'interrupted')))
  process.on('SIGTERM', () => on(new CordonError('session.killed', 'terminated')))
  return controller.signal
}
