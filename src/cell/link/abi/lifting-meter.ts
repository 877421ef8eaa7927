import { LinkTrap } from '#cell/link/linker.ts'
import type { LiftingBudget } from './compiled-type.ts'

const mebi = 2 ** 20

/**
 * What may be lifted when nobody says otherwise. Honest agents pass bodies in chunks of at most 1 MiB, which cost 2 MiB as text, and lists of some
 * thousand entries: a call leaves thirty times that, and less than a tenth of what a thread's heap holds. A million elements take 20 to 400 ms, and no fuel.
 * A session's totals bound the work that its garbage makes, at 16 GiB and some 13 s.
 */
export const defaultLiftingBudget: LiftingBudget = {
  bytesPerCall: 64 * mebi,
  elementsPerCall: mebi,
  bytesPerSession: 16_384 * mebi,
  elementsPerSession: 256 * mebi,
}

/** Counts what the calls of one session have lifted out of its guest. One per instance; made anew, or renewed, for the next session. */
export class LiftingMeter {
  #budget: LiftingBudget
  #bytes = 0
  #elements = 0
  #sessionBytes = 0
  #sessionElements = 0

  constructor(budget: LiftingBudget = defaultLiftingBudget) {
    this.#budget = budget
  }

  /** Begins a session with nothing lifted. */
  startSession(budget: LiftingBudget = defaultLiftingBudget): void {
    this.#budget = budget
    this.#sessionBytes = 0
    this.#sessionElements = 0
    this.startCall()
  }

  /** Begins the lifting of one call: arguments that a guest passes out, or the result that it gives back. It runs to its end before another begins. */
  startCall(): void {
    this.#bytes = 0
    this.#elements = 0
  }

  /** Throws LinkTrap `budget` when it would be more than allowed, before anything is made. */
  charge(elements: number, bytes: number): void {
    this.#bytes += bytes
    this.#elements += elements
    this.#sessionBytes += bytes
    this.#sessionElements += elements
    const { bytesPerCall, elementsPerCall, bytesPerSession, elementsPerSession } = this.#budget
    if (this.#bytes > bytesPerCall) throw overBudget(`${bytesPerCall} bytes in one call`)
    if (this.#elements > elementsPerCall) throw overBudget(`${elementsPerCall} elements in one call`)
    if (this.#sessionBytes > bytesPerSession) throw overBudget(`${bytesPerSession} bytes in one session`)
    if (this.#sessionElements > elementsPerSession) throw overBudget(`${elementsPerSession} elements in one session`)
  }
}

const overBudget = (limit: string): LinkTrap => new LinkTrap(`expected values that take at most ${limit}`, 'budget')
