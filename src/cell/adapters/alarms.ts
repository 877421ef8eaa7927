import type { SessionWorld } from './world.ts'

interface Alarm {
  readonly at: bigint
  readonly ring: () => void
}

/** Sleeps under way at most; what a guest could otherwise pile up, because a sleep cannot be called off. */
const maxSleeps = 16
/** How late an alarm may be when a guest sets ever earlier ones beside {@link maxSleeps} sleeps. */
const tickNs = 10_000_000n
/** The longest single sleep: a guest may name an instant centuries ahead, which no timer of the host can count. */
const longestSleepNs = 3_600_000_000_000n

/** The alarms of one session that somebody waits for. */
export class Alarms {
  readonly #world: SessionWorld
  readonly #over: (reason: unknown) => void
  readonly #set = new Set<Alarm>()
  readonly #wakesAt = new Set<bigint>()

  constructor(world: SessionWorld, over: (reason: unknown) => void) {
    this.#world = world
    this.#over = over
  }

  /** Calls `ring` once when the monotonic clock has reached `at`; gives the way to take it back. */
  add(at: bigint, ring: () => void): () => void {
    const alarm: Alarm = { at, ring }
    this.#set.add(alarm)
    this.#sleepUntil(at)
    return () => this.#set.delete(alarm)
  }

  #sleepUntil(at: bigint): void {
    for (const wake of this.#wakesAt) if (wake <= at) return
    const now = this.#world.clock.monotonicNs()
    const crowded = this.#wakesAt.size >= maxSleeps - 1
    if (this.#wakesAt.size >= maxSleeps) return
    const furthest = now + (crowded ? tickNs : longestSleepNs)
    const wake = at > furthest ? furthest : at
    this.#wakesAt.add(wake)
    this.#world.clock.sleep(wake > now ? wake - now : 0n).then(
      () => this.#ringDue(wake),
      (error: unknown) => this.#over(error),
    )
  }

  #ringDue(wake: bigint): void {
    this.#wakesAt.delete(wake)
    const now = this.#world.clock.monotonicNs()
    let next: bigint | undefined
    for (const alarm of this.#set) {
      if (alarm.at > now) {
        if (next === undefined || alarm.at < next) next = alarm.at
        continue
      }
      this.#set.delete(alarm)
      alarm.ring()
    }
    if (next !== undefined) this.#sleepUntil(next)
  }
}
