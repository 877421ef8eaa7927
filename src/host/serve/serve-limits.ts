import { CordonError } from '#core/errors.ts'

/** What a server takes in and waits for, whatever comes. Each is bounded: {@link serveLimitBounds}. */
export interface ServeLimits {
  /** Requests that are worked on at one time. */
  readonly concurrency: number
  /** Requests that wait for that; one more is refused with 503. */
  readonly queued: number
  /** How long one may wait. */
  readonly queueMs: number
  /** Connections open at one time; one more is closed. */
  readonly connections: number
  /** The whole head of a request: 431 past it. */
  readonly headerBytes: number
  /** Fields in it: 431 past them. */
  readonly headers: number
  /** Path and query: 414 past them. */
  readonly targetBytes: number
  /** The body of a request, what is announced and what comes: 413 past it. */
  readonly bodyBytes: number
  /** How long the head of a request may take to come: 408 past it. */
  readonly headerMs: number
  /** How long a whole request may take to come: 408 past it. */
  readonly requestMs: number
  /** How long a connection may stand still while a body goes either way: 408, or cut. */
  readonly stallMs: number
  /** How long a connection is kept for a next request. */
  readonly keepAliveMs: number
  /** How long what runs may go on once the server is to stop. */
  readonly drainMs: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultServeLimits: ServeLimits = {
  concurrency: 32,
  queued: 128,
  queueMs: 10_000,
  connections: 512,
  headerBytes: 16 * KiB,
  headers: 100,
  targetBytes: 8 * KiB,
  bodyBytes: 16 * MiB,
  headerMs: 10_000,
  requestMs: 120_000,
  stallMs: 30_000,
  keepAliveMs: 5000,
  drainMs: 10_000,
}

const dayMs = 86_400_000

/** From where to where each may be set. Heads have to fit the wire (`wire/served-request.ts`). */
export const serveLimitBounds: Readonly<Record<keyof ServeLimits, readonly [least: number, most: number]>> = {
  concurrency: [1, 10_000],
  queued: [0, 100_000],
  queueMs: [0, dayMs],
  connections: [1, 100_000],
  headerBytes: [KiB, 256 * KiB],
  headers: [1, 256],
  targetBytes: [1, 16 * KiB],
  bodyBytes: [0, 1024 * 1024 * MiB],
  headerMs: [100, dayMs],
  requestMs: [100, dayMs],
  stallMs: [10, dayMs],
  keepAliveMs: [1, dayMs],
  drainMs: [0, dayMs],
}

/** The limits of a server. Throws CordonError `input.invalid` for names and numbers that there are not. */
export const serveLimitsOf = (given: Partial<ServeLimits>): ServeLimits => {
  const limits = { ...defaultServeLimits } as Record<keyof ServeLimits, number>
  for (const [name, value] of Object.entries(given)) {
    if (!isLimitName(name)) {
      const names = Object.keys(serveLimitBounds).join(', ')
      throw new CordonError('input.invalid', `expected limits of a server, got \`${name}\``, { hint: `limits are ${names}` })
    }
    const [least, most] = serveLimitBounds[name]
    if (!Number.isInteger(value) || value < least || value > most)
      throw new CordonError('input.invalid', `expected \`${name}\` to be a whole number from ${least} to ${most}, got ${String(value)}`)
    limits[name] = value
  }
  // What a head may take is part of what the whole request may.
  return { ...limits, headerMs: Math.min(limits.headerMs, limits.requestMs) }
}

const isLimitName = (name: string): name is keyof ServeLimits => Object.hasOwn(serveLimitBounds, name)
