/**
 * What lowered code calls instead of native `async`: generators that yield what they wait for, driven by promises.
 * The global `Promise` is the one of `quickjs/promise.ts`.
 */
type Coroutine = Generator<unknown, unknown, unknown>

/** Runs a generator as the body of an async function. */
const drive = (coroutine: Coroutine): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const step = (advance: () => IteratorResult<unknown, unknown>): void => {
      try {
        const { done, value } = advance()
        if (done === true) resolve(value)
        else Promise.resolve(value).then(onValue, onReason)
      } catch (error) {
        reject(error)
      }
    }
    const onValue = (value: unknown): void => step(() => coroutine.next(value))
    const onReason = (reason: unknown): void => step(() => coroutine.throw(reason))
    onValue(undefined)
  })

/** What an async generator's body yields: something to wait for, or something to give out. */
class Signal {
  readonly kind: 'wait' | 'give'
  readonly value: unknown
  constructor(kind: Signal['kind'], value: unknown) {
    this.kind = kind
    this.value = value
  }
}

type Advance = (coroutine: Coroutine) => IteratorResult<unknown, unknown>
type Step = Promise<IteratorResult<unknown, unknown>>

/** Runs a generator as the body of an async generator: calls wait for those before them. */
const generate = (coroutine: Coroutine): AsyncGenerator<unknown, unknown, unknown> => {
  let isOver = false
  const advanceTo = (advance: Advance): Step =>
    drive(
      (function* () {
        for (let next = advance; ;) {
          const { done, value } = next(coroutine)
          if (done === true) {
            isOver = true
            return { done: true, value: yield value }
          }
          const signal = value as Signal
          if (signal.kind === 'give') return { done: false, value: yield signal.value }
          next = yield* resumption(signal.value)
        }
      })(),
    ) as Step
  let last: Promise<unknown> = Promise.resolve()
  const queue = (advance: Advance, whenOver: () => Step): Step => {
    const result = last.then(() => (isOver ? whenOver() : advanceTo(advance)))
    last = result.then(
      () => undefined,
      () => {
        isOver = true
      },
    )
    return result
  }
  const over = (): Step => Promise.resolve({ done: true, value: undefined })
  const generator = {
    next: (value?: unknown) => queue((body) => body.next(value), over),
    throw: (reason: unknown) =>
      queue(
        (body) => body.throw(reason),
        () => Promise.reject(reason),
      ),
    return: (value?: unknown) =>
      queue(
        (body) => body.return(value),
        () => Promise.resolve(value).then((given) => ({ done: true, value: given })),
      ),
    [Symbol.asyncIterator]: () => generator,
    [Symbol.asyncDispose]: () => generator.return().then(() => undefined),
  }
  return generator
}

/** Waits for a value; gives how the body goes on with it. */
function* resumption(value: unknown): Generator<unknown, Advance, unknown> {
  try {
    const given = yield value
    return (body) => body.next(given)
  } catch (reason) {
    return (body) => body.throw(reason)
  }
}

const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

const methodOf = (value: unknown, key: PropertyKey): ((...args: unknown[]) => unknown) | undefined => {
  const found: unknown = isObject(value) || typeof value === 'string' ? Reflect.get(Object(value), key) : undefined
  return typeof found === 'function' ? (...args) => Reflect.apply(found, value, args) : undefined
}

/** The async iterator of a value; a sync iterable's values are awaited one by one. */
const iteratorOf = (iterable: unknown): unknown => {
  const open = methodOf(iterable, Symbol.asyncIterator) ?? methodOf(iterable, Symbol.iterator)
  if (open === undefined) throw new TypeError('the value is not async iterable')
  return open()
}

/** One turn of a lowered `for await`. */
class LoopStep {
  value: unknown
  readonly #iterator: unknown
  readonly #awaitsValue: boolean
  constructor(iterator: unknown, awaitsValue: boolean) {
    this.#iterator = iterator
    this.#awaitsValue = awaitsValue
  }

  next(): unknown {
    const result = methodOf(this.#iterator, 'next')?.()
    if (!this.#awaitsValue || !isObject(result)) return result
    return Promise.resolve(result['value']).then((value) => ({ done: result['done'], value }))
  }

  /** Keeps the value; true at the end. */
  end(result: unknown): boolean {
    if (!isObject(result)) throw new TypeError('the iterator gave no object')
    this.value = result['value']
    return result['done'] === true
  }
}

/** The turns of `for await (… of iterable)`; leaving the loop early closes the iterator. */
function* steps(iterable: unknown): Generator<LoopStep, void, unknown> {
  const iterator = iteratorOf(iterable)
  const isSync = methodOf(iterable, Symbol.asyncIterator) === undefined
  let last: LoopStep | undefined
  let isEnded = false
  try {
    for (;;) {
      last = new LoopStep(iterator, isSync)
      const end = last.end.bind(last)
      last.end = (result) => (isEnded = end(result))
      yield last
    }
  } finally {
    if (!isEnded) methodOf(iterator, 'return')?.()
  }
}

/** `yield*` of an async generator. */
function* delegate(iterable: unknown): Coroutine {
  const iterator = iteratorOf(iterable)
  for (let sent: unknown; ;) {
    const result = yield new Signal('wait', methodOf(iterator, 'next')?.(sent))
    if (!isObject(result)) throw new TypeError('the iterator gave no object')
    if (result['done'] === true) return result['value']
    sent = yield new Signal('give', result['value'])
  }
}

export const coroutines = {
  drive,
  generate,
  steps,
  delegate,
  wait: (value: unknown): Signal => new Signal('wait', value),
  give: (value: unknown): Signal => new Signal('give', value),
  value: (value: unknown): unknown => value,
}
