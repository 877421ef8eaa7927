import { CordonError } from '#index.ts'
import { readerGone } from '#cli/terminal.ts'

/** A second signal this long after the first means it. */
const patienceMs = 1000

/**
 * Turns Ctrl-C, `kill` and a reader that goes away into an abort, so that a run ends with its records written; a second signal, a
 * while later, ends the process at once.
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
  const unread = (): void => controller.abort(new CordonError('session.killed', 'nobody reads the output any more'))
  if (readerGone.aborted) unread()
  else readerGone.addEventListener('abort', unread, { once: true })
  process.on('SIGINT', () => on(new CordonError('session.interrupted', 'interrupted')))
  process.on('SIGTERM', () => on(new CordonError('session.killed', 'terminated')))
  return controller.signal
}
