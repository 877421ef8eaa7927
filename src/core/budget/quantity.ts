import { parsed, refused, type Parsed } from '#core/policy/parsed.ts'

const binary = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 } as const
const decimal = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 } as const
const time = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** A non-negative decimal number with one of the units; `''` among them when a bare number means something. */
const parseQuantity = (text: string | number, units: Readonly<Record<string, number>>): number | undefined => {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)([A-Za-z]*)$/.exec(String(text))
  const [, digits = '', unit = ''] = match ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (match === null || factor === undefined) return undefined
  const value = Math.round(Number(digits) * factor * 1000) / 1000
  return Number.isSafeInteger(value) ? value : undefined
}

/** Reads a size into bytes: `64Mi`, `10Ki`, `5M` (decimal), or a whole number of bytes. */
export const parseSize = (text: string | number): Parsed<number> => {
  const bytes = parseQuantity(text, { '': 1, ...decimal, ...binary })
  return bytes === undefined
    ? refused('a size such as `64Mi`', 'write a number with Ki, Mi, Gi or Ti (powers of 1024), k, M, G or T (powers of 1000), or bytes')
    : parsed(bytes)
}

/** Reads a duration into milliseconds: `250ms`, `30s`, `1.5m`, `1h`. A number without a unit is refused. */
export const parseDuration = (text: string | number): Parsed<number> => {
  const milliseconds = parseQuantity(text, time)
  return milliseconds === undefined
    ? refused('a duration such as `30s`', 'write a number with ms, s, m or h, no finer than a millisecond')
    : parsed(milliseconds)
}

/** Reads a count: `5G`, `1000`, `20k`. */
export const parseCount = (text: string | number): Parsed<number> => {
  const count = parseQuantity(text, { '': 1, ...decimal })
  return count === undefined
    ? refused('a count such as `1000` or `5G`', 'write a whole number, with k, M, G or T (powers of 1000) if you like')
    : parsed(count)
}
