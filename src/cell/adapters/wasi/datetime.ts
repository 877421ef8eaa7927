/** `wasi:clocks/wall-clock` `datetime`. */
export interface Datetime {
  readonly seconds: bigint
  readonly nanoseconds: number
}

const second = 1_000_000_000n
const maxNs = 2n ** 64n - 1n

/** Nanoseconds since the epoch as a `datetime`. */
export const toDatetime = (ns: bigint): Datetime => ({ seconds: ns / second, nanoseconds: Number(ns % second) })

/** A decimal count of nanoseconds from the host as a `datetime`; `undefined` when it is none. */
export const datetimeOf = (ns: unknown): Datetime | undefined =>
  typeof ns === 'string' && /^[0-9]{1,20}$/.test(ns) ? toDatetime(BigInt(ns)) : undefined

/** A `datetime` as decimal nanoseconds; `undefined` when it is out of range. */
export const toNanoseconds = ({ seconds, nanoseconds }: Datetime): string | undefined => {
  const ns = seconds * second + BigInt(nanoseconds)
  return nanoseconds < Number(second) && ns <= maxNs ? ns.toString() : undefined
}
