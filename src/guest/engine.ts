/** A WIT `u64` as this engine takes it. */
export const u64 = (value: number): bigint | number => (cordonEngine === 'quickjs' ? value : BigInt(value))

/**
 * The payload of a WIT `err` that a call threw (an enum's case name, say); `undefined` for anything else that
 * was thrown.
 */
export const errorCase = (error: unknown): string | undefined => {
  const payload: unknown = typeof error === 'object' && error !== null && 'payload' in error ? error.payload : error
  return typeof payload === 'string' ? payload : undefined
}

/** Gives a host resource back; without it the handle counts against the session until the collector runs. */
export const release = (resource: { [Symbol.dispose]?(): void }): void => {
  resource[Symbol.dispose]?.()
}
