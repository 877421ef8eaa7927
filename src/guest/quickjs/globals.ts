/** Gives QuickJS the globals that agents expect. Imported first, for its effect. */
import { guestConsole } from './console.ts'
import { enqueue, type Job } from './jobs.ts'
import { GuestPromise } from './promise.ts'
import { random } from './random.ts'
import { Utf8Decoder, Utf8Encoder } from './text-codec.ts'
import { clearTimer, setInterval, setTimeout } from './timers.ts'

Object.defineProperty(GuestPromise, 'name', { value: 'Promise' })

const globals: Readonly<Record<string, unknown>> = {
  Promise: GuestPromise,
  console: guestConsole,
  queueMicrotask: (job: Job) => enqueue(job),
  setTimeout,
  setInterval,
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  TextEncoder: Utf8Encoder,
  TextDecoder: Utf8Decoder,
}
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
}
Object.defineProperty(Math, 'random', { value: random, writable: true, configurable: true, enumerable: false })
// It gives a promise of the engine's own, which nothing here would ever settle.
Reflect.deleteProperty(Array, 'fromAsync')
