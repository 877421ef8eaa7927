import { describe, expect, test } from 'vitest'
import { isCall, maxLogBodyBytes, type CallArgs } from '#wire/calls.ts'
import { importsOver, MemoryWorld, text } from './memory-world.ts'

interface Logging {
  log(level: string, context: string, message: string): Promise<void>
}

const loggingOf = (world: MemoryWorld): Logging => importsOver(world.world)['wasi:logging/logging'] as unknown as Logging

describe('wasi:logging/logging', () => {
  test('hands lines over as they are, and waits until they were taken', async () => {
    const world = new MemoryWorld()
    const { log } = loggingOf(world)
    const taken = Promise.withResolvers<undefined>()
    world.host.intercept = () => taken.promise
    let done = false
    const logging = log('warn', 'net', 'grüß\ndich').then(() => (done = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(done).toBe(false)
    taken.resolve(undefined)
    await logging
    const [call] = world.host.calls
    expect([call?.args, text(call?.body ?? new Uint8Array())]).toEqual([{ level: 'warn', context: 'net' }, 'grüß\ndich'])
  })

  test('sends of a long text as much as shows that it was too long, and what fits the wire', async () => {
    const world = new MemoryWorld()
    const { log } = loggingOf(world)
    for (const character of ['x', '€', '😀']) await log('info', character.repeat(5000), character.repeat(100_000))
    for (const { op, args, body } of world.host.calls) {
      expect(isCall(op, args)).toBe(true)
      expect((args as CallArgs<'log.write'>).context.length).toBe(257)
      expect((args as CallArgs<'log.write'>).context.isWellFormed()).toBe(true)
      expect(text(body).length).toBe(8193)
      expect(body.length).toBeLessThanOrEqual(maxLogBodyBytes)
    }
  })
})
