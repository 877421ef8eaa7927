import { parentPort, workerData } from 'node:worker_threads'
import { DatabasePool, type Asked } from './database-pool.ts'
import { NamespaceTurns } from './namespace-turns.ts'

/**
 * The thread that has the databases: SQLite and its syncs of the disk block, and the host must not. Takes {@link Asked} and answers each with an `Answered`; `null` ends it.
 */
if (parentPort === null) throw new TypeError('expected to be a thread of its own')
const port = parentPort
const { folder, key }: { readonly folder: string; readonly key: Uint8Array } = workerData
const pool = new DatabasePool(folder, key)
const turns = new NamespaceTurns(pool)
let isClosing = false
let soon: NodeJS.Immediate | undefined
let later: NodeJS.Timeout | undefined

/** Whatever has come by the next turn is committed together. */
const plan = (): void => {
  clearImmediate(soon)
  clearTimeout(later)
  const dueMs = turns.dueMs(performance.now())
  if (dueMs === 0) soon = setImmediate(work)
  else if (dueMs !== undefined) later = setTimeout(work, dueMs)
  else if (isClosing) close()
}

const work = (): void => {
  for (const answer of turns.turn(performance.now())) {
    const body = answer.ok ? answer.result.body : undefined
    port.postMessage(answer, body === undefined ? [] : [body.buffer])
  }
  plan()
}

const close = (): void => {
  pool[Symbol.dispose]()
  port.close()
}

port.on('message', (asked: Asked | null) => {
  if (asked === null) isClosing = true
  else turns.add(asked)
  plan()
})
