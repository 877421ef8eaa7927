import type { Limits } from '#core/budget/limits.ts'
import type { Usage } from '#core/report.ts'
import { credible } from '#host/session/outcome.ts'
import type { GuestUsage } from '#wire/messages.ts'

/** What one session used of time and memory: what its cell says, held against what the host measured. */
export class SessionUsage {
  readonly #now: () => number
  readonly #limits: Limits
  #cell: { cpuUs(): number } | undefined
  #startedMs: number
  #cpuAtStartUs = 0
  /** `undefined` until the cell says how its guest ended; a lost cell never does. */
  #reported: GuestUsage | undefined

  constructor(now: () => number, limits: Limits) {
    this.#now = now
    this.#limits = limits
    this.#startedMs = now()
  }

  /** The guest starts now, in `cell`. */
  start(cell: { cpuUs(): number }): void {
    this.#cell = cell
    this.#startedMs = this.#now()
    this.#cpuAtStartUs = cell.cpuUs()
  }

  /** When the guest started; until then when its session did. Milliseconds since the epoch. */
  get startedMs(): number {
    return this.#startedMs
  }

  /** Takes what the cell says at the guest's end. `alone`: no other session was in the cell in its time. */
  reported(usage: GuestUsage, alone: boolean): void {
    this.#reported = credible({ ...usage, cpuUs: this.#credibleCpuUs(usage.cpuUs, alone) }, this.#limits)
  }

  /** What is known now. */
  used(): Pick<Usage, 'wallMs' | 'cpuMs' | 'fuel' | 'memoryPeakBytes'> {
    const { fuel, cpuUs, memoryPeakBytes } = this.#reported ?? { fuel: 0, cpuUs: this.#measuredCpuUs(), memoryPeakBytes: 0 }
    return { wallMs: this.#wallMs(), cpuMs: Math.round(cpuUs / 1000), fuel, memoryPeakBytes }
  }

  /**
   * What the cell says of CPU time, held against what the host measured of the whole cell: a session that was alone in it used all of
   * that, one of several at most that. A breached cell can shift time between its own sessions, and no further.
   */
  #credibleCpuUs(reported: number, alone: boolean): number {
    const measured = this.#measuredCpuUs()
    return alone ? Math.max(measured, Math.min(reported, this.#wallMs() * 1000)) : Math.min(reported, measured)
  }

  #measuredCpuUs(): number {
    return this.#cell === undefined ? 0 : Math.max(0, this.#cell.cpuUs() - this.#cpuAtStartUs)
  }

  #wallMs(): number {
    return this.#cell === undefined ? 0 : this.#now() - this.#startedMs
  }
}
