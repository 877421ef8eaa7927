import { parentPort, workerData } from 'node:worker_threads'
import { DatabasePool, type Asked } from './database-pool.ts'

/**
 * The thread that has the databases: SQLite and its syncs of the disk block, and the host must not. Takes {@link Asked} and answers each with an `Answered`; `null` ends it.
 */
const maxTogether = 64

if (parentPort === null) throw new TypeError('expected to be a thread of its own')
const port = parentPort
const { folder, key }: { readonly folder: string; readonly key: Uint8Array } = workerData
const pool = new DatabasePool(folder, key)
const waiting: Asked[] = []
let isClosing = false

const work = (): void => {
  const together = waiting.splice(0, maxTogether)
  for (const answer of pool.perform(together)) {
    const body = answer.ok ? answer.result.body : undefined
    port.postMessage(answer, body === undefined ? [] : [body.buffer])
  }
  if (waiting.length > 0) setImmediate(work)
  else if (isClosing) close()
}

const close = (): void => {
  pool[Symbol.dispose]()
  port.close()
}

port.on('message', (asked: Asked | null) => {
  if (asked === null) {
    isClosing = true
    if (waiting.length === 0) close()
    return
  }
  waiting.push(asked)
  // Whatever has come by the next turn is committed together.
  if (waiting.length === 1) setImmediate(work)
})
