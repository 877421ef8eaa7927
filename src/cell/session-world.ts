import { GuestEnd, type SessionWorld } from '#cell/adapters/world.ts'
import type { SessionStart } from '#wire/messages.ts'
import type { HostLine } from './host-line.ts'
import type { OutputLine } from './output-line.ts'
import { keepGoing, type Waits } from './waits.ts'

/** The parts of a session that its world is made from. */
interface WorldParts {
  readonly start: SessionStart
  readonly host: HostLine
  readonly output: OutputLine
  readonly waits: Waits
  /** Told of every end an adapter asks for. */
  readonly ends: (outcome: GuestEnd['outcome']) => void
}

/** Guests see time in steps of 100 µs: fine enough to work with, too coarse to watch neighbours by. */
const monotonicStepNs = 100_000n
/** The date has no finer use. */
const wallStepNs = 1_000_000n
/** The longest time a timer can be set to. */
const maxTimerMs = 2 ** 31 - 1
/** The most that `crypto.getRandomValues` fills at once. */
const randomStepBytes = 65_536

/** Builds the world that the adapters of one session stand on. */
export const createWorld = (parts: WorldParts): SessionWorld => {
  const end = (outcome: GuestEnd['outcome']): GuestEnd => {
    parts.ends(outcome)
    return new GuestEnd(outcome)
  }
  return Object.freeze({
    start: parts.start,
    host: parts.host,
    output: (stream: 'stdout' | 'stderr', bytes: Uint8Array) =>
      parts.waits.until<void>((done) => {
        void parts.output.write(stream, bytes).then(done)
        return keepGoing
      }),
    end,
    resources: countResources(parts.start.handles, end),
    clock: createClock(parts.waits),
    random: randomBytes,
  })
}

const countResources = (most: number, end: SessionWorld['end']): SessionWorld['resources'] => {
  let held = 0
  return Object.freeze({
    add: () => {
      if (held >= most) throw end({ kind: 'trap', message: `expected at most ${most} open handles, got one more` })
      held++
    },
    drop: () => {
      held = Math.max(0, held - 1)
    },
  })
}

const createClock = (waits: Waits): SessionWorld['clock'] => {
  const origin = performance.now()
  return Object.freeze({
    monotonicStepNs,
    wallStepNs,
    monotonicNs: () => BigInt(Math.floor((performance.now() - origin) * 10)) * monotonicStepNs,
    wallNs: () => BigInt(Date.now()) * wallStepNs,
    sleep: (ns: bigint) =>
      waits.until<void>((done) => {
        if (ns <= 0n) {
          done()
          return keepGoing
        }
        const timer = setTimeout(done, Math.min(Number((ns + 999_999n) / 1_000_000n), maxTimerMs))
        return () => clearTimeout(timer)
      }),
  })
}

const randomBytes = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += randomStepBytes) crypto.getRandomValues(bytes.subarray(at, at + randomStepBytes))
  return bytes
}
