import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { toDatetime, type Datetime } from './datetime.ts'
import { Pollable } from './poll.ts'

const maxInstant = 2n ** 64n - 1n

/** `wasi:clocks/monotonic-clock`. */
export const monotonicClock = (slot: SessionSlot): Members =>
  sealInterface({
    now: (): bigint => slot.scope.world.clock.monotonicNs(),
    resolution: (): bigint => slot.scope.world.clock.monotonicStepNs,
    subscribeInstant: (when: bigint): Pollable => alarm(slot.scope, when),
    subscribeDuration: (duration: bigint): Pollable => {
      const { scope } = slot
      const at = scope.world.clock.monotonicNs() + duration
      return alarm(scope, at > maxInstant ? maxInstant : at)
    },
  })

const alarm = (scope: SessionScope, at: bigint): Pollable =>
  new Pollable(scope, { ready: () => scope.world.clock.monotonicNs() >= at, wait: (wake) => scope.alarms.add(at, wake) })

/** `wasi:clocks/wall-clock`. */
export const wallClock = (slot: SessionSlot): Members =>
  sealInterface({
    now: (): Datetime => toDatetime(slot.scope.world.clock.wallNs()),
    resolution: (): Datetime => toDatetime(slot.scope.world.clock.wallStepNs),
  })

/** `wasi:clocks/timezone` `timezone-display`. */
interface TimezoneDisplay {
  /** Seconds east of UTC. */
  readonly utcOffset: number
  readonly name: string
  readonly inDaylightSavingTime: boolean
}

/**
 * `wasi:clocks/timezone` (unstable): UTC at any time, which the interface has for hosts that do not tell theirs. Where the operator
 * lives is nothing that a guest was granted.
 */
export const timezone = (): Members =>
  sealInterface({
    display: (): TimezoneDisplay => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
    utcOffset: (): number => 0,
  })
