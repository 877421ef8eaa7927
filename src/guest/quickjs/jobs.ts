/**
 * The job queue of QuickJS guests. The engine's own queue is never run in a synchronous component, so promises and
 * timers are kept here and run by {@link settle} before an export returns.
 */
export type Job = () => void

let queue: Job[] = []

/** Queues a job behind those that wait. */
export const enqueue = (job: Job): void => {
  queue.push(job)
}

/** Runs jobs, those they queue included, until none is left. */
export const runJobs = (): void => {
  while (queue.length > 0) {
    const batch = queue
    queue = []
    for (const [index, job] of batch.entries()) {
      try {
        job()
      } catch (error) {
        // A job that throws (`queueMicrotask` only) ends the turn; those behind it keep their place.
        queue = [...batch.slice(index + 1), ...queue]
        throw error
      }
    }
  }
}
