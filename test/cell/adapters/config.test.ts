import { describe, expect, test } from 'vitest'
import type { ConfigRule } from '#core/policy/rules.ts'
import type { CallReply } from '#wire/calls.ts'
import { createConfigProvider } from '#host/providers/config/config-provider.ts'
import { GuestSession, policyOf } from '../../host/providers/guest-session.ts'
import { errOf, importsOver, MemoryWorld } from './memory-world.ts'

interface Config {
  get(key: string): Promise<string | undefined>
  getAll(): Promise<[string, string][]>
}

const rule = (name: string, value: string | undefined): ConfigRule => ({ kind: 'config', origin: 'test', name, value })

/** A guest whose host is the real provider; `names` were asked for. */
const guestWith = (
  rules: readonly ConfigRule[],
  names: readonly string[],
): { config: Config; world: MemoryWorld; session: GuestSession } => {
  const world = new MemoryWorld()
  const session = new GuestSession(policyOf({ config: rules }))
  session.use(createConfigProvider(names))
  world.host.intercept = async ({ op, args, body }): Promise<CallReply> => session.call(op, args, body)
  return { config: importsOver(world.world)['wasi:config/store'] as unknown as Config, world, session }
}

describe('wasi:config/store', () => {
  test('gives what was granted, each value for a call of its own', async () => {
    const { config, world } = guestWith([rule('greeting', 'grüß dich\n'), rule('empty', ''), rule('hidden', 'x')], ['greeting', 'empty'])
    expect(await config.get('greeting')).toBe('grüß dich\n')
    expect(await config.get('empty')).toBe('')
    world.host.calls.length = 0
    expect(await config.getAll()).toEqual([
      ['greeting', 'grüß dich\n'],
      ['empty', ''],
    ])
    expect(world.host.ops()).toEqual(['config.list', 'config.get', 'config.get'])
  })

  test('gives nothing of what was not granted, whatever it is called', async () => {
    const { config, world } = guestWith([rule('greeting', 'hello')], [])
    for (const name of ['other', 'Greeting', 'greeting ', '__proto__', 'constructor', '../greeting', 'greeting\0', '\0'])
      expect(await config.get(name), name).toBeUndefined()
    world.host.calls.length = 0
    expect(await config.get('')).toBeUndefined()
    expect(await config.get('x'.repeat(257))).toBeUndefined()
    expect(world.host.calls).toEqual([])
    expect(await config.getAll()).toEqual([])
  })

  test('gives an error where the host has one', async () => {
    const { config, world } = guestWith([], [])
    world.host.intercept = () => ({ ok: false, code: 'failed' })
    expect(await errOf(() => config.get('greeting'))).toEqual({ tag: 'upstream', val: 'the setting is not available' })
    expect(await config.getAll()).toEqual([])
  })
})
