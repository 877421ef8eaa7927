import { getRandomBytes } from 'wasi:random/random@0.2.12'

import { u64 } from '#guest/engine.ts'

/** Bytes asked of the host at a time: 64 numbers' worth. */
const batchBytes = 512
const engineRandom = Math.random.bind(Math)
let batch: DataView | undefined
let used = batchBytes

const refill = (): DataView => {
  const bytes = getRandomBytes(u64(batchBytes))
  used = 0
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * `Math.random` from the host's randomness. The engine's own generator is seeded when the component is built, so every instance of it
 * would draw the same numbers. While the component is built there is no host to ask: what a module draws at its top level
 * then is the engine's.
 */
export const random = (): number => {
  try {
    if (batch === undefined || used >= batchBytes) batch = refill()
  } catch {
    return engineRandom()
  }
  const high = batch.getUint32(used) >>> 5
  const low = batch.getUint32(used + 4) >>> 6
  used += 8
  return (high * 2 ** 26 + low) / 2 ** 53
}
