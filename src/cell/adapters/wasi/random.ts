import { perScope } from '#cell/adapters/per-scope.ts'
import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'

/** The most random bytes one call gives. */
const maxRandomBytes = 1024 * 1024
/** Bytes drawn at once for the functions that give eight. */
const poolBytes = 512

/** `wasi:random/random`, `insecure` and `insecure-seed`; all of one quality: the best. */
export const randomInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const nextU64 = (): bigint => u64Source(slot.scope)()
  const bytes = (length: bigint): Uint8Array => {
    const { scope } = slot
    if (length > BigInt(maxRandomBytes)) throw scope.trap(`${length} random bytes, expected at most ${maxRandomBytes} a call`)
    return scope.world.random(Number(length))
  }
  return {
    'wasi:random/random': sealInterface({ getRandomBytes: bytes, getRandomU64: nextU64 }),
    'wasi:random/insecure': sealInterface({ getInsecureRandomBytes: bytes, getInsecureRandomU64: nextU64 }),
    'wasi:random/insecure-seed': sealInterface({ insecureSeed: (): [bigint, bigint] => [nextU64(), nextU64()] }),
  }
}

const u64Source = perScope((scope: SessionScope): (() => bigint) => {
  let pool: DataView = new DataView(new ArrayBuffer(0))
  let used = 0
  return () => {
    if (used + 8 > pool.byteLength) {
      const fresh = scope.world.random(poolBytes)
      pool = new DataView(fresh.buffer, fresh.byteOffset, fresh.byteLength)
      used = 0
    }
    const value = pool.getBigUint64(used, true)
    // What was given out is not kept.
    pool.setBigUint64(used, 0n)
    used += 8
    return value
  }
})
