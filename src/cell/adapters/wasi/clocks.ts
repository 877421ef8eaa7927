import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import { toDatetime, type Datetime } from './datetime.ts'
import { Pollable } from './poll.ts'

/** What the clocks of a session tell apart: finer would help a guest that measures its neighbours. */
const resolutionNs = 1_000_000n

const maxInstant = 2n ** 64n - 1n

/** `wasi:clocks/monotonic-clock`. */
export const monotonicClock = (scope: SessionScope): Members => {
  const { clock } = scope.world
  const alarm = (at: bigint): Pollable =>
    new Pollable(scope, { ready: () => clock.monotonicNs() >= at, wait: (wake) => scope.alarms.add(at, wake) })
  return sealInterface({
    now: (): bigint => clock.monotonicNs(),
    resolution: (): bigint => resolutionNs,
    subscribeInstant: (when: bigint): Pollable => alarm(when),
    subscribeDuration: (duration: bigint): Pollable => {
      const at = clock.monotonicNs() + duration
      return alarm(at > maxInstant ? maxInstant : at)
    },
  })
}

/** `wasi:clocks/wall-clock`. */
export const wallClock = (scope: SessionScope): Members =>
  sealInterface({
    now: (): Datetime => toDatetime(scope.world.clock.wallNs()),
    resolution: (): Datetime => toDatetime(resolutionNs),
  })
