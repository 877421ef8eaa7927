/* eslint-disable typescript/no-floating-promises, typescript/await-thenable, typescript/only-throw-error, unicorn/no-thenable -- the scenarios log what becomes of promises that nobody waits for */
import { describe, expect, test } from 'vitest'

import { runJobs } from '#guest/quickjs/jobs.ts'
import { GuestPromise, takeUnhandled } from '#guest/quickjs/promise.ts'

/** Runs a scenario on a promise class and gives the order of its log. */
const scenarios: Readonly<Record<string, (P: PromiseConstructor, log: (value: unknown) => void) => void>> = {
  'order of then and resolve': (P, log) => {
    P.resolve(1).then(log)
    log('sync')
    P.resolve(2)
      .then(log)
      .then(() => log('after'))
  },
  'a thenable is followed a turn later': (P, log) => {
    P.resolve({ then: (yes: (value: unknown) => void) => yes('thenable') }).then(log)
    P.resolve().then(() => log('first'))
  },
  'a promise that resolves to a promise': (P, log) => {
    new P((yes) => yes(P.resolve('inner'))).then(log)
    P.resolve()
      .then(() => log('a'))
      .then(() => log('b'))
      .then(() => log('c'))
  },
  'only the first settling counts': (P, log) => {
    new P<string>((yes, no) => {
      yes('yes')
      no('no')
      throw new Error('late')
    }).then(log, log)
  },
  'finally passes through and can replace by throwing': (P, log) => {
    P.resolve(1)
      .finally(() => log('f'))
      .then(log)
    P.reject(2)
      .finally(() => {
        throw 3
      })
      .catch(log)
  },
  'all, allSettled, any, race': (P, log) => {
    P.all([1, P.resolve(2)]).then(log)
    P.all([]).then(log)
    P.all([P.reject('x'), P.reject('y')]).catch(log)
    P.allSettled([1, P.reject('r')]).then(log)
    P.any([P.reject(1), P.resolve(2)]).then(log)
    P.any([P.reject(1)]).catch((error: AggregateError) => log([error.name, error.errors]))
    P.race([new P(() => undefined), P.resolve('won')]).then(log)
  },
  'try and withResolvers': (P, log) => {
    P.try((a: number) => a + 1, 1).then(log)
    P.try(() => {
      throw 'thrown'
    }).catch(log)
    const { promise, resolve } = P.withResolvers<string>()
    promise.then(log)
    resolve('given')
  },
  'a promise cannot follow itself': (P, log) => {
    const { promise, resolve } = P.withResolvers<unknown>()
    promise.catch((error: unknown) => log(error instanceof TypeError))
    resolve(promise)
  },
}

describe('GuestPromise settles like the engine’s own', () => {
  test.each(Object.entries(scenarios))('%s', async (_, scenario) => {
    const native: unknown[] = []
    scenario(Promise, (value) => native.push(value))
    await new Promise((done) => setTimeout(done, 5))
    const ours: unknown[] = []
    scenario(GuestPromise as unknown as PromiseConstructor, (value) => ours.push(value))
    runJobs()
    takeUnhandled()
    expect([...ours].map((v) => JSON.stringify(v)).sort()).toEqual([...native].map((v) => JSON.stringify(v)).sort())
    if (!_.startsWith('all')) expect(ours).toEqual(native)
  })
})

test('a rejection that nobody handles is reported once', () => {
  GuestPromise.reject('lost')
  GuestPromise.reject('caught').catch(() => undefined)
  runJobs()
  expect(takeUnhandled()).toEqual(['lost'])
  expect(takeUnhandled()).toEqual([])
})

test('a subclass gets promises of its own class', () => {
  class Mine extends GuestPromise {}
  expect(Mine.resolve(1)).toBeInstanceOf(Mine)
  expect(Mine.resolve(1).then()).toBeInstanceOf(Mine)
})
