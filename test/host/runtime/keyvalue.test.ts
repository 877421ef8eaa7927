import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { createRuntime, readAuditLog, type Agent, type Runtime, type RuntimeOptions } from '#index.ts'
import { buildWat } from '../../fixtures/build-wat.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())
const keyvalueDir = join(home.folder, 'keyvalue')
const source = fileURLToPath(new URL('../../../guests/does-as-told/agent.js', import.meta.url))

const runtimeWith = (allow: unknown, options: RuntimeOptions = {}): Promise<Runtime> =>
  createRuntime({
    cacheDir: testCache,
    keysDir: home.keysDir,
    keyvalueDir,
    audit: home.nextAudit(),
    pool: { isolation: 'thread', max: 1 },
    allow,
    ...options,
  })

const told = (runtime: Runtime): Promise<Agent> => runtime.load(source, { engine: 'quickjs' })

describe('an agent with a store', () => {
  test('finds in one run what it put there in another, of another runtime', async () => {
    {
      await using runtime = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] })
      const agent = await told(runtime)
      const { result } = await agent.run([
        ['get', '', 'a'],
        ['set', '', 'a', '1'],
        ['get', 'default', 'a'],
        ['increment', 'default', 'n', 41],
        [
          'setMany',
          'default',
          [
            ['x', '1'],
            ['y', '2'],
          ],
        ],
        ['exists', 'default', 'x'],
        ['swap', 'default', 'a'],
        ['swap', 'default', 'a', 'other'],
      ])
      expect(result).toEqual([null, null, '1', '41', null, true, 1, 2])
    }
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] })
    const { result } = await (
      await told(runtime)
    ).run([
      ['get', 'default', 'a'],
      ['increment', 'default', 'n', 1],
      ['getMany', 'default', ['y', 'none', 'x']],
      ['deleteMany', 'default', ['x', 'n']],
      ['keys', 'default'],
    ])
    expect(result).toEqual(['other seen', '42', [['y', '2'], null, ['x', '1']], null, { keys: ['a', 'y'], cursor: null }])
  })

  test('has every key in the log: who, which store, which key, and never a value', async () => {
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'logged', mode: 'ro' }] })
    const { result, denials, audit } = await (
      await told(runtime)
    ).run([
      ['get', 'logged', 'the-key'],
      ['set', 'logged', 'the-key', 'the-value'],
      ['get', 'other', 'k'],
      ['getMany', 'logged', ['m1', 'm2']],
    ])
    expect(result).toEqual([null, { err: { tag: 'access-denied' } }, { err: { tag: 'access-denied' } }, [null, null]])
    expect(denials.map(({ action, target, hint }) => [action, target, hint])).toEqual([
      ['kv:write', expect.stringContaining('logged'), 'allow with: --allow-keyvalue=logged'],
      ['kv:read', expect.stringContaining('other'), 'allow with: --allow-keyvalue=other:ro'],
    ])
    const records = await Array.fromAsync(readAuditLog(audit.dir))
    const decided = records.filter((record) => record.type === 'decision').map(({ op, resource, effect }) => [op, resource, effect])
    expect(decided).toEqual([
      ['kv.open', { store: 'logged', key: '' }, 'allow'],
      ['kv.get', { store: 'logged', key: 'the-key' }, 'allow'],
      ['kv.set', { store: 'logged', key: 'the-key' }, 'deny'],
      ['kv.open', { store: 'other', key: '' }, 'deny'],
      ['kv.get', { store: 'logged', key: 'm1' }, 'allow'],
      ['kv.get', { store: 'logged', key: 'm2' }, 'allow'],
    ])
    expect(JSON.stringify(records)).not.toContain('the-value')
  })

  test('is kept within its quota, over runs', async () => {
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'small', mode: 'rw', quota: '1Ki' }] })
    const agent = await told(runtime)
    expect((await agent.run([['set', 'small', 'a', 'x'.repeat(600)]])).result).toEqual([null])
    expect((await agent.run([['set', 'small', 'b', 'x'.repeat(600)]])).result).toEqual([
      { err: { tag: 'other', val: 'the store is full' } },
    ])
    expect(
      (
        await agent.run([
          ['delete', 'small', 'a'],
          ['set', 'small', 'b', 'x'.repeat(600)],
        ])
      ).result,
    ).toEqual([null, null])
  })

  test('has it to itself: another agent with the same grant finds nothing', async () => {
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] })
    const agent = await told(runtime)
    await agent.run([['set', 'default', 'mine', 'x']])
    const earlier = await runtime.loadComponent(await buildWat('counts-by-the-earlier-draft'), { name: 'counts' })
    expect((await earlier.run({ from: 0 }, { call: 'page' })).result).toBe(0)
  })

  test('that a policy names by its digest has a store that no bundle of its name can get at', async () => {
    const component = await buildWat('counts-by-the-earlier-draft')
    await using byName = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] })
    const { result, session } = await (await byName.loadComponent(component, { name: 'pinned' })).run({ delta: 5 }, { call: 'count' })
    expect(result).toBe(10)
    const policy = join(home.folder, 'pinned.yaml')
    const entry = [
      'apiVersion: cordon/v1',
      'kind: Policy',
      'agents:',
      `  "${session.bundle}":`,
      '    keyvalue: [{ store: default, mode: rw }]',
      '',
    ]
    writeFileSync(policy, entry.join('\n'))
    await using pinned = await runtimeWith(undefined, { policy })
    const count = async (name: string): Promise<unknown> =>
      (await (await pinned.loadComponent(component, { name })).run({ delta: 5 }, { call: 'count' })).result
    expect([await count('pinned'), await count('by another name')]).toEqual([10, 20])
  })

  test('shares it with its other runs at the same time, and loses no count', async () => {
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'shared', mode: 'rw' }] })
    const agent = await told(runtime)
    const steps = Array.from({ length: 10 }, () => ['increment', 'shared', 'n', 1])
    await Promise.all(Array.from({ length: 8 }, () => agent.run(steps)))
    expect((await agent.run([['get', 'shared', 'n']])).result).toEqual(['80'])
  })

  test('whose folder cannot be used is told so and goes on', async () => {
    const open = join(home.folder, 'open-to-others')
    mkdirSync(open, { mode: 0o755 })
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] }, { keyvalueDir: open })
    const { result } = await (await told(runtime)).run([['set', 'default', 'a', 'x'], ['settings']])
    expect(result).toEqual([{ err: { tag: 'other', val: 'the store is not available' } }, []])
  })
})

describe('the folder of the stores', () => {
  test('cannot be mounted', async () => {
    await using runtime = await runtimeWith({ mounts: [{ host: home.folder, guest: '/all', mode: 'ro' }] })
    const agent = await told(runtime)
    await expect(agent.run([])).rejects.toMatchObject({ code: expect.stringMatching(/mount\.invalid|grant\.invalid|policy\.invalid/) })
  })
})

describe('a component of the earlier draft', () => {
  test('is linked to functions of that draft', async () => {
    await using runtime = await runtimeWith({ keyvalue: [{ store: 'default', mode: 'rw' }] })
    const agent = await runtime.loadComponent(await buildWat('counts-by-the-earlier-draft'), { name: 'earlier' })
    expect((await agent.run({ delta: 5 }, { call: 'count' })).result).toBe(10)
    expect((await agent.run({ delta: 1 }, { call: 'count' })).result).toBe(12)
    expect((await agent.run({ from: 0 }, { call: 'page' })).result).toBe(1)
    expect((await agent.run({ from: Number.MAX_SAFE_INTEGER }, { call: 'page' })).result).toBe(0)
  })

  test('without a grant is denied', async () => {
    await using runtime = await runtimeWith({})
    const agent = await runtime.loadComponent(await buildWat('counts-by-the-earlier-draft'), { name: 'earlier' })
    const { result, denials } = await agent.run({ delta: 5 }, { call: 'count' })
    expect([result, denials.map(({ hint }) => hint)]).toEqual([0, ['allow with: --allow-keyvalue=default:ro']])
  })
})
