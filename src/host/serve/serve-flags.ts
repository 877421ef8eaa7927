import { parseCount, parseDuration, parseSize } from '#core/budget/quantity.ts'
import { CordonError } from '#core/errors.ts'
import type { Parsed } from '#core/policy/parsed.ts'
import { serveLimitBounds, type ServeLimits } from './serve-limits.ts'

type Parse = (text: string) => Parsed<number>

const flags = {
  concurrency: ['concurrency', parseCount],
  queue: ['queued', parseCount],
  'queue-timeout': ['queueMs', parseDuration],
  connections: ['connections', parseCount],
  'max-header-bytes': ['headerBytes', parseSize],
  'max-headers': ['headers', parseCount],
  'max-target': ['targetBytes', parseSize],
  'max-body': ['bodyBytes', parseSize],
  'header-timeout': ['headerMs', parseDuration],
  'request-timeout': ['requestMs', parseDuration],
  'stall-timeout': ['stallMs', parseDuration],
  'keep-alive': ['keepAliveMs', parseDuration],
  drain: ['drainMs', parseDuration],
} as const satisfies Record<string, readonly [keyof ServeLimits, Parse]>

/** The flags of the command line that set limits of a server, without their dashes. */
export const serveLimitFlags = Object.keys(flags) as readonly (keyof typeof flags)[]

/** Reads such flags. Throws CordonError `usage`. */
export const parseServeLimits = (given: Readonly<Partial<Record<string, string>>>): Partial<ServeLimits> => {
  const limits: Partial<Record<keyof ServeLimits, number>> = {}
  for (const flag of serveLimitFlags) {
    const text = given[flag]
    if (text === undefined) continue
    const [name, parse]: readonly [keyof ServeLimits, Parse] = flags[flag]
    const value = parse(text)
    if (!value.ok) throw new CordonError('usage', `expected --${flag} to be ${value.expected}, got \`${text}\``, { hint: value.hint })
    const [least, most] = serveLimitBounds[name]
    if (value.value < least || value.value > most)
      throw new CordonError('usage', `expected --${flag} to be from ${least} to ${most}, got ${value.value}`)
    limits[name] = value.value
  }
  return limits
}
