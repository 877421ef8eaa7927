import { CordonError } from '#index.ts'

/** Turns Ctrl-C and `kill` into an abort, so that a run ends with its records written; a second signal ends the process at once. */
export const interruption = (): { readonly signal: AbortSignal } & Disposable => {
  const controller = new AbortController()
  const on = (error: CordonError): void => {
    if (controller.signal.aborted) process.exit(error.exitCode)
    controller.abort(error)
  }
  const interrupt = (): void => on(new CordonError('session.interrupted', 'interrupted'))
  const terminate = (): void => on(new CordonError('session.killed', 'terminated'))
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', terminate)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', terminate)
    },
  }
}
