import type { Linked } from './link/linker.ts'
import type { Resident } from './resident.ts'

/** What idle instances of one cell may hold. */
interface PoolBounds {
  readonly instances: number
  /** Of all their memories. */
  readonly bytes: number
}

/** Within the room that the host leaves every cell beside its sessions. */
const defaultPoolBounds: PoolBounds = { instances: 16, bytes: 64 * 1024 * 1024 }

interface Idle {
  readonly linked: Linked
  readonly resident: Resident
  readonly bytes: number
}

/**
 * Instances that served a session to its normal end and were reset, for the next session of the same artifact. A cell belongs to one
 * segment, so whoever comes next is of the same agent and principal.
 */
export class InstancePool {
  readonly #bounds: PoolBounds
  /** The oldest first. */
  readonly #idle: Idle[] = []
  readonly #retired = new WeakSet<Linked>()
  #bytes = 0

  constructor(bounds: PoolBounds = defaultPoolBounds) {
    this.#bounds = bounds
  }

  /** How many instances are idle. */
  get size(): number {
    return this.#idle.length
  }

  /** The idle instance of `linked` that was used last, if there is one. */
  take(linked: Linked): Resident | undefined {
    const at = this.#idle.findLastIndex((each) => each.linked === linked)
    return at === -1 ? undefined : this.#remove(at)?.resident
  }

  /** Takes back an instance whose session ended normally: resets it at once, and keeps it or ends it. */
  give(linked: Linked, resident: Resident): void {
    const kept = !this.#retired.has(linked) && resident.leave()
    const bytes = resident.heldBytes
    if (!kept || bytes > this.#bounds.bytes || this.#bounds.instances === 0) return discard(resident)
    this.#idle.push({ linked, resident, bytes })
    this.#bytes += bytes
    while (this.#idle.length > this.#bounds.instances || this.#bytes > this.#bounds.bytes) this.#discardAt(0)
  }

  /** Ends the idle instances of `linked`, and each that comes back from now on. */
  retire(linked: Linked): void {
    this.#retired.add(linked)
    for (let at = this.#idle.length - 1; at >= 0; at--) if (this.#idle[at]?.linked === linked) this.#discardAt(at)
  }

  /** Ends all idle instances. */
  clear(): void {
    while (this.#idle.length > 0) this.#discardAt(0)
  }

  #discardAt(at: number): void {
    const idle = this.#remove(at)
    if (idle !== undefined) discard(idle.resident)
  }

  #remove(at: number): Idle | undefined {
    const [idle] = this.#idle.splice(at, 1)
    this.#bytes -= idle?.bytes ?? 0
    return idle
  }
}

const ofNoUse = Object.freeze(new Error('the instance is of no more use'))

const discard = (resident: Resident): void => resident.end(ofNoUse)
