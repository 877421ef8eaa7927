import { get as setting, getAll as settings } from 'wasi:config/store'
import { Cas, increment, swap } from 'wasi:keyvalue/atomics'
import { deleteMany, getMany, setMany } from 'wasi:keyvalue/batch'
import { open } from 'wasi:keyvalue/store'
import { log } from 'wasi:logging/logging'

/** An agent that does what its input says, step by step: a list of `[what, ...with]`. Gives what each step gave, or the error that it got. */
const encode = (text) => new TextEncoder().encode(text)
const decode = (bytes) => (bytes === undefined || bytes === null ? null : new TextDecoder().decode(new Uint8Array(bytes)))
const buckets = {}
const bucketOf = (store) => (buckets[store] ??= open(store))

const steps = {
  get: (store, key) => decode(bucketOf(store).get(key)),
  set: (store, key, value) => bucketOf(store).set(key, encode(value)),
  delete: (store, key) => bucketOf(store).delete(key),
  exists: (store, key) => bucketOf(store).exists(key),
  keys: (store, cursor) => bucketOf(store).listKeys(cursor ?? undefined),
  increment: (store, key, delta) => String(increment(bucketOf(store), key, delta)),
  getMany: (store, keys) => getMany(bucketOf(store), keys).map((pair) => (pair ? [pair[0], decode(pair[1])] : null)),
  setMany: (store, pairs) =>
    setMany(
      bucketOf(store),
      pairs.map(([key, value]) => [key, encode(value)]),
    ),
  deleteMany: (store, keys) => deleteMany(bucketOf(store), keys),
  /** Sets what it reads, with ` seen` behind it; `between` is set first by the way, so that the first try fails. */
  swap: (store, key, between) => {
    let cas = Cas.new(bucketOf(store), key)
    let tries = 0
    for (;;) {
      tries++
      const present = decode(cas.current()) ?? ''
      if (tries === 1 && between !== undefined) bucketOf(store).set(key, encode(between))
      try {
        swap(cas, encode(`${present} seen`))
        return tries
      } catch (error) {
        const payload = error.payload ?? error
        if (payload.tag !== 'cas-failed') throw error
        cas = payload.val
      }
    }
  },
  setting: (name) => setting(name) ?? null,
  settings: () => settings(),
  log: (level, context, message) => log(level, context, message),
  flood: (lines) => {
    for (let line = 0; line < lines; line++) log('info', 'flood', `line ${line}`)
  },
}

const errorOf = (error) => error?.payload ?? { tag: 'thrown', val: String(error) }

const attempt = ([what, ...given]) => {
  try {
    return steps[what](...given) ?? null
  } catch (error) {
    return { err: errorOf(error) }
  }
}

export const run = (input) => input.map(attempt)
