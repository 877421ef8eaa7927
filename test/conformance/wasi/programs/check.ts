/** Throws when the two differ; objects are compared as JSON, big integers as text. */
export const same = (got: unknown, expected: unknown, what: string): void => {
  const [left, right] = [textOf(got), textOf(expected)]
  if (left !== right) throw new Error(`${what}: expected ${right}, got ${left}`)
}

const plain = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}`
  return ArrayBuffer.isView(value) ? [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] : value
}

const textOf = (value: unknown): string => JSON.stringify(value, plain) ?? 'undefined'

/** Throws when it does not hold. */
export const holds = (truth: boolean, what: string): void => same(truth, true, what)

/** Takes steps that must not fail; says in which one did, and with what. */
export const inTurn = (steps: Readonly<Record<string, () => void>>): string => {
  for (const [name, step] of Object.entries(steps)) {
    try {
      step()
    } catch (error) {
      const payload = textOf(payloadOf(error))
      throw new Error(`${name}: ${error instanceof Error ? error.message : payload === '{}' ? String(error) : payload}`, { cause: error })
    }
  }
  return 'done'
}

const payloadOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'payload' in error ? error.payload : error)

/** The `err` that a function of WIT gives; `ok` when it gives none. */
export const errOf = (step: () => unknown): unknown => {
  try {
    step()
  } catch (error) {
    return payloadOf(error)
  }
  return 'ok'
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (given: Uint8Array): string => new TextDecoder().decode(given)
