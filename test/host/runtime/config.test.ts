import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { createRuntime, readAuditLog } from '#index.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())
const source = fileURLToPath(new URL('../../../guests/does-as-told/agent.js', import.meta.url))

/** A bundle that asks for two settings. */
const bundle = (): string => {
  const folder = join(home.folder, 'asks')
  mkdirSync(join(folder, 'src'), { recursive: true })
  copyFileSync(source, join(folder, 'src', 'agent.js'))
  const manifest = ['apiVersion: cordon/v1', 'name: asks', 'version: 1.0.0', 'source: src/agent.js', 'engine: quickjs']
  writeFileSync(join(folder, 'agent.yaml'), [...manifest, 'requests:', '  config: [{ name: greeting }, absent]', ''].join('\n'))
  return folder
}

describe('settings', () => {
  test('are given by name, those that were asked for and granted, each recorded', async () => {
    await using runtime = await createRuntime({
      cacheDir: testCache,
      keysDir: home.keysDir,
      audit: home.nextAudit(),
      pool: { isolation: 'thread', max: 1 },
      allow: { config: { greeting: 'grüß dich', 'not-asked-for': 'x' } },
    })
    const agent = await runtime.load(bundle())
    const { result, audit, denials } = await agent.run([
      ['setting', 'greeting'],
      ['setting', 'absent'],
      ['setting', 'not-asked-for'],
      ['settings'],
    ])
    expect(result).toEqual(['grüß dich', null, null, [['greeting', 'grüß dich']]])
    expect(denials.map(({ target, reason }) => [target, reason])).toEqual([
      [expect.stringContaining('absent'), 'not-granted'],
      [expect.stringContaining('not-asked-for'), 'not-requested'],
    ])
    const records = await Array.fromAsync(readAuditLog(audit.dir))
    const decided = records.flatMap((record) => (record.type === 'decision' ? [[record.action, record.resource, record.effect]] : []))
    expect(decided).toEqual([
      ['config:read', { name: 'greeting' }, 'allow'],
      ['config:read', { name: 'absent' }, 'deny'],
      ['config:read', { name: 'not-asked-for' }, 'deny'],
      ['config:read', { name: 'greeting' }, 'allow'],
    ])
  })
})
