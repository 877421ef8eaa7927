import { perScope } from '#cell/adapters/per-scope.ts'
import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'

/** The most random bytes one call gives: nobody else runs meanwhile, and these take no longer than a turn (4 ms). */
const maxBytesPerCall = 8 * 1024 * 1024
/** The most that a session draws. A byte costs about what a unit of fuel does, so nobody draws more than its fuel would buy. */
const maxBytesPerSession = 16 * 1024 ** 3
/** Bytes drawn at once for the functions that give eight. */
const poolBytes = 512

/** `wasi:random/random`, `insecure` and `insecure-seed`; all of one quality: the best. */
export const randomInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const nextU64 = (): bigint => u64Source(slot.scope)()
  const bytes = (length: bigint): Uint8Array => {
    const { scope } = slot
    if (length > BigInt(maxBytesPerCall))
      throw scope.trap(`expected to give at most ${maxBytesPerCall} random bytes a call, got asked for ${length}`)
    return drawFrom(scope)(Number(length))
  }
  return {
    'wasi:random/random': sealInterface({ getRandomBytes: bytes, getRandomU64: nextU64 }),
    'wasi:random/insecure': sealInterface({ getInsecureRandomBytes: bytes, getInsecureRandomU64: nextU64 }),
    'wasi:random/insecure-seed': sealInterface({ insecureSeed: (): [bigint, bigint] => [nextU64(), nextU64()] }),
  }
}

/** Draws for one session, as long as its budget lasts. */
const drawFrom = perScope((scope: SessionScope): ((length: number) => Uint8Array) => {
  const budget = Math.min(maxBytesPerSession, Math.max(maxBytesPerCall, scope.world.start.fuel))
  let left = budget
  return (length) => {
    if (length > left) throw scope.trap(`expected to give at most ${budget} random bytes a session, got asked for more`)
    left -= length
    return scope.world.random(length)
  }
})

const u64Source = perScope((scope: SessionScope): (() => bigint) => {
  let pool: DataView = new DataView(new ArrayBuffer(0))
  let used = 0
  return () => {
    if (used + 8 > pool.byteLength) {
      const fresh = drawFrom(scope)(poolBytes)
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
