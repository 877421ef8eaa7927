import { busyAnswer, type Answered, type Asked, type DatabasePool } from './database-pool.ts'

/** Operations of one turn, and bytes of the values that they carry: about what one sync of the disk takes. */
const maxTogether = 64
const maxBytesTogether = 2 * 1024 * 1024
/** How long an operation waits for another process that writes to the same database, and how often it tries. */
const busyMs = 1000
const retryMs = 10

/** What waits for one namespace. */
interface Waiting {
  readonly asked: Asked[]
  /** Since when another process has had the database. */
  busySinceMs: number | undefined
  notBeforeMs: number
}

const bytesOf = ({ operation }: Asked): number => ('value' in operation ? operation.value.length : 0)

/** Takes what belongs into one turn. */
const takeTogether = (asked: Asked[]): readonly Asked[] => {
  let bytes = 0
  const end = asked.findIndex((each, index) => {
    bytes += bytesOf(each)
    return index >= maxTogether || (index > 0 && bytes > maxBytesTogether)
  })
  return asked.splice(0, end < 0 ? asked.length : end)
}

/**
 * Operations that wait, one namespace after the other: however much one agent asks for, whatever its stores hold and whoever else has its database, the next one waits for one turn of each
 * other at most.
 */
export class NamespaceTurns {
  readonly #pool: DatabasePool
  /** Whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiting>()

  constructor(pool: DatabasePool) {
    this.#pool = pool
  }

  add(asked: Asked): void {
    const waiting = this.#waiting.get(asked.namespace)
    if (waiting === undefined) this.#waiting.set(asked.namespace, { asked: [asked], busySinceMs: undefined, notBeforeMs: 0 })
    else waiting.asked.push(asked)
  }

  /** Milliseconds until the next turn; undefined when nothing waits. */
  dueMs(nowMs: number): number | undefined {
    if (this.#waiting.size === 0) return undefined
    return Math.max(0, Math.min(...[...this.#waiting.values()].map(({ notBeforeMs }) => notBeforeMs)) - nowMs)
  }

  /** Does the turn of the next namespace that can have one. */
  turn(nowMs: number): readonly Answered[] {
    const next = [...this.#waiting].find(([, { notBeforeMs }]) => notBeforeMs <= nowMs)
    if (next === undefined) return []
    const [namespace, waiting] = next
    this.#waiting.delete(namespace)
    const answers = this.#perform(namespace, waiting, nowMs)
    if (waiting.asked.length > 0) this.#waiting.set(namespace, waiting)
    return answers
  }

  #perform(namespace: string, waiting: Waiting, nowMs: number): readonly Answered[] {
    const together = takeTogether(waiting.asked)
    const turn = this.#pool.perform(namespace, together)
    if (turn === 'busy') {
      waiting.busySinceMs ??= nowMs
      waiting.notBeforeMs = nowMs + retryMs
      if (nowMs - waiting.busySinceMs >= busyMs) return together.map(busyAnswer)
    } else waiting.busySinceMs = undefined
    if (typeof turn !== 'string') return turn
    waiting.asked.unshift(...together)
    return []
  }
}
