import { enqueue } from './jobs.ts'

type Settle = (value?: unknown) => void
type Executor = (resolve: Settle, reject: Settle) => void
type Handler = ((value: unknown) => unknown) | undefined

/** A promise of some class, with the functions that settle it (ECMAScript's PromiseCapability). */
interface Capability {
  readonly promise: GuestPromise
  readonly resolve: Settle
  readonly reject: Settle
}

interface Reaction {
  readonly next: Capability
  readonly fulfilled: Handler
  readonly rejected: Handler
}

type PromiseClass = new (executor: Executor) => GuestPromise

type Iteratee = Iterable<unknown>

/** Rejected promises that nobody has looked at: reported when the run is over. */
const unhandled = new Set<GuestPromise>()

const isObject = (value: unknown): value is Readonly<Record<PropertyKey, unknown>> =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const callable = (value: unknown): Handler => (typeof value === 'function' ? (value as Handler) : undefined)

const capabilityOf = (constructor: PromiseClass): Capability => {
  let resolve: Settle | undefined
  let reject: Settle | undefined
  const promise = new constructor((yes, no) => {
    resolve = yes
    reject = no
  })
  if (resolve === undefined || reject === undefined) throw new TypeError('expected the executor to be called at once')
  return { promise, resolve, reject }
}

/** The class that `then` makes its promise of: a subclass' own, as ECMAScript's SpeciesConstructor says. */
const speciesOf = (promise: GuestPromise): PromiseClass => {
  const constructor: unknown = promise.constructor
  const species: unknown = isObject(constructor) ? constructor[Symbol.species] : undefined
  return typeof species === 'function' ? (species as PromiseClass) : GuestPromise
}

/** ECMAScript's Promise, on the queue of `jobs.ts`. */
export class GuestPromise {
  #state: 'pending' | 'fulfilled' | 'rejected' = 'pending'
  #value: unknown
  #reactions: Reaction[] = []
  #isLocked = false

  constructor(executor: Executor) {
    if (typeof executor !== 'function') throw new TypeError(`Promise resolver ${String(executor)} is not a function`)
    try {
      executor(
        (value) => this.#lockAnd(() => this.#follow(value)),
        (reason) => this.#lockAnd(() => this.#settle('rejected', reason)),
      )
    } catch (error) {
      this.#lockAnd(() => this.#settle('rejected', error))
    }
  }

  static get [Symbol.species](): unknown {
    return this
  }

  /** Only the first call of a promise's resolving functions counts. */
  #lockAnd(action: () => void): void {
    if (this.#isLocked) return
    this.#isLocked = true
    action()
  }

  #follow(value: unknown): void {
    if (value === this) return this.#settle('rejected', new TypeError('a promise cannot be resolved with itself'))
    if (!isObject(value)) return this.#settle('fulfilled', value)
    let then: unknown
    try {
      then = value['then']
    } catch (error) {
      return this.#settle('rejected', error)
    }
    if (typeof then !== 'function') return this.#settle('fulfilled', value)
    enqueue(() => {
      let isDone = false
      const once = (action: () => void): void => {
        if (isDone) return
        isDone = true
        action()
      }
      try {
        Reflect.apply(then, value, [
          (result: unknown) => once(() => this.#follow(result)),
          (reason: unknown) => once(() => this.#settle('rejected', reason)),
        ])
      } catch (error) {
        once(() => this.#settle('rejected', error))
      }
    })
  }

  #settle(state: 'fulfilled' | 'rejected', value: unknown): void {
    this.#state = state
    this.#value = value
    const reactions = this.#reactions
    this.#reactions = []
    if (state === 'rejected' && reactions.length === 0) unhandled.add(this)
    for (const reaction of reactions) this.#react(reaction)
  }

  #react({ next, fulfilled, rejected }: Reaction): void {
    const handler = this.#state === 'fulfilled' ? fulfilled : rejected
    enqueue(() => {
      if (handler === undefined) return this.#state === 'fulfilled' ? next.resolve(this.#value) : next.reject(this.#value)
      try {
        next.resolve(handler(this.#value))
      } catch (error) {
        next.reject(error)
      }
    })
  }

  // eslint-disable-next-line unicorn/no-thenable -- this is Promise
  then(onFulfilled?: unknown, onRejected?: unknown): GuestPromise {
    const reaction = { next: capabilityOf(speciesOf(this)), fulfilled: callable(onFulfilled), rejected: callable(onRejected) }
    unhandled.delete(this)
    if (this.#state === 'pending') this.#reactions.push(reaction)
    else this.#react(reaction)
    return reaction.next.promise
  }

  catch(onRejected?: unknown): GuestPromise {
    return this.then(undefined, onRejected)
  }

  finally(onFinally?: unknown): GuestPromise {
    if (typeof onFinally !== 'function') return this.then(onFinally, onFinally)
    const constructor = speciesOf(this)
    const after = (): GuestPromise => resolveTo(constructor, Reflect.apply(onFinally, undefined, []))
    return this.then(
      (value: unknown) => after().then(() => value),
      (reason: unknown) =>
        after().then(() => {
          throw reason
        }),
    )
  }

  get [Symbol.toStringTag](): string {
    return 'Promise'
  }

  /** How far it is; not part of ECMAScript, for `event-loop.ts`. Static and private: an agent's subclass cannot see it. */
  static inspect(promise: GuestPromise): { readonly state: 'pending' | 'fulfilled' | 'rejected'; readonly value: unknown } {
    return { state: promise.#state, value: promise.#value }
  }

  static resolve(this: PromiseClass, value?: unknown): GuestPromise {
    return resolveTo(this, value)
  }

  static reject(this: PromiseClass, reason?: unknown): GuestPromise {
    const { promise, reject } = capabilityOf(this)
    reject(reason)
    return promise
  }

  static withResolvers(this: PromiseClass): Capability {
    return capabilityOf(this)
  }

  static try(this: PromiseClass, work: (...args: unknown[]) => unknown, ...args: unknown[]): GuestPromise {
    return new this((resolve) => resolve(work(...args)))
  }

  static race(this: PromiseClass, values: Iteratee): GuestPromise {
    return new this((resolve, reject) => {
      for (const value of values) resolveTo(this, value).then(resolve, reject)
    })
  }

  static all(this: PromiseClass, values: Iteratee): GuestPromise {
    return collect(this, values, (keep, _, reject) => [keep, reject])
  }

  static allSettled(this: PromiseClass, values: Iteratee): GuestPromise {
    return collect(this, values, (keep) => [
      (value: unknown) => keep({ status: 'fulfilled', value }),
      (reason: unknown) => keep({ status: 'rejected', reason }),
    ])
  }

  static any(this: PromiseClass, values: Iteratee): GuestPromise {
    const swap = (value: unknown) => {
      throw value
    }
    // `any` is `all` with the two outcomes exchanged, there and back.
    const failed = (errors: unknown): never => {
      throw new AggregateError(errors as Iterable<unknown>, 'all promises were rejected')
    }
    const exchanged = [...values].map((value) => resolveTo(this, value).then(swap, (reason: unknown) => reason))
    return collect(this, exchanged, (keep, _, reject) => [keep, reject]).then(failed, (value: unknown) => value)
  }
}

type Handlers = readonly [Settle, Settle]

/** Waits for all values in the ways that `handlersFor` gives, and keeps what they give in order. */
const collect = (
  constructor: PromiseClass,
  values: Iteratee,
  handlersFor: (keep: Settle, resolve: Settle, reject: Settle) => Handlers,
): GuestPromise =>
  new constructor((resolve, reject) => {
    const kept: unknown[] = []
    let left = 1
    const finish = (): void => {
      left -= 1
      if (left === 0) resolve(kept)
    }
    let index = 0
    for (const value of values) {
      const place = index
      index += 1
      left += 1
      const keep: Settle = (result) => {
        kept[place] = result
        finish()
      }
      const [fulfilled, rejected] = handlersFor(keep, resolve, reject)
      resolveTo(constructor, value).then(fulfilled, rejected)
    }
    finish()
  })

const resolveTo = (constructor: PromiseClass, value: unknown): GuestPromise => {
  if (value instanceof GuestPromise && value.constructor === constructor) return value
  const { promise, resolve } = capabilityOf(constructor)
  resolve(value)
  return promise
}

/** The reasons of rejected promises that nobody handled; asking clears them. */
export const takeUnhandled = (): readonly unknown[] => {
  const reasons = [...unhandled].map((promise) => GuestPromise.inspect(promise).value)
  unhandled.clear()
  return reasons
}
