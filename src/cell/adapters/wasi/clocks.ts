import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { toDatetime, type Datetime } from './datetime.ts'
import { Pollable } from './poll.ts'

/** What the clocks of a session tell apart: finer would help a guest that measures its neighbours. */
const resolutionNs = 1_000_000n

const maxInstant = 2n ** 64n - 1n

/** `wasi:clocks/monotonic-clock`. */
export const monotonicClock = (slot: SessionSlot): Members =>
  sealInterface({
    now: (): bigint => slot.scope.world.clock.monotonicNs(),
    resolution: (): bigint => resolutionNs,
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
    resolution: (): Datetime => toDatetime(resolutionNs),
  })
