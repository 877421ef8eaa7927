import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CordonError, createRuntime, readAuditLog, type AuditRecord, type RunReport, type Runtime } from '#index.ts'
import { buildC } from '../../fixtures/build-c.ts'
import { testHome } from '../../fixtures/test-home.ts'

const home = testHome()
afterAll(() => home[Symbol.dispose]())
const cacheDir = join(home.folder, 'cache')

const folderWith = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(home.folder, 'mount-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

describe('mounts of every kind, through a whole run', () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({ cacheDir, keysDir: home.keysDir, audit: home.nextAudit(), pool: { isolation: 'thread', max: 1 } })
  })
  afterAll(() => runtime[Symbol.asyncDispose]())

  /** Copies `/from` to `/to` inside the guest. */
  const copyTree = async (
    from: string,
    to: object,
  ): Promise<{ readonly code: string; readonly report: RunReport; readonly records: readonly AuditRecord[] }> => {
    const agent = await runtime.loadComponent(await buildC('copies-a-tree'), { name: 'copies' })
    const run = agent.run(undefined, {
      args: ['/from', '/to'],
      allow: {
        mounts: [
          { host: from, guest: '/from', mode: 'ro' },
          { guest: '/to', mode: 'rw', ...to },
        ],
      },
    })
    const [code, report] = await run.then(
      (ended) => ['done', ended] as const,
      (error: unknown) => {
        if (!(error instanceof CordonError) || error.report === undefined) throw error
        return [error.code, error.report] as const
      },
    )
    const all = await Array.fromAsync(readAuditLog(report.audit.dir))
    return { code, report, records: all.filter((record) => 'session' in record && record.session === report.session.id) }
  }
  const writeBacks = (records: readonly AuditRecord[]): readonly AuditRecord[] => {
    const decisions = records.filter((record) => record.type === 'decision' && record.op === 'fs.write-back')
    const calls = new Set(decisions.map((record) => 'call' in record && record.call))
    return records.filter((record) => 'call' in record && calls.has(record.call))
  }

  test('a copy is written back at a good end, decided and recorded before, and its private folder is gone', async () => {
    const from = folderWith({ a: 'A', b: 'B' })
    const to = folderWith({ a: 'old', kept: 'kept' })
    const { code, records } = await copyTree(from, { host: to, kind: 'copy' })
    expect(code).toBe('done')
    expect(readdirSync(to).sort()).toEqual(['a', 'b', 'kept'])
    expect(readFileSync(join(to, 'a'), 'utf8')).toBe('A')
    expect(writeBacks(records)).toMatchObject([
      { type: 'decision', effect: 'allow', action: 'fs:write', resource: { mount: '/to', path: '/to' } },
      { type: 'outcome', status: 'done', summary: { path: '/to', written: 2, bytes: 2, removed: 0, made: 0 } },
    ])
    expect(records.at(-1)).toMatchObject({ type: 'session-ended', outcome: 'done' })
    expect(readdirSync(join(cacheDir, 'copies'))).toEqual([])
  })

  test('what cannot be taken over is in the outcome and among the denials', async () => {
    const to = folderWith({})
    symlinkSync('/etc/hostname', join(to, 'a'))
    const { code, report, records } = await copyTree(folderWith({ a: 'A', b: 'B' }), { host: to, kind: 'copy' })
    expect(code).toBe('done')
    expect(readFileSync(join(to, 'b'), 'utf8')).toBe('B')
    expect(report.denials).toMatchObject([{ action: 'fs:write', target: 'fs:write /to/a', reason: 'conflict', hint: 'a: exist: EEXIST' }])
    expect(writeBacks(records)[1]).toMatchObject({ status: 'refused', detail: 'a: exist: EEXIST', summary: { written: 1, refused: 1 } })
    expect(JSON.stringify(records)).not.toContain(home.folder)
  })

  test('a copy is not written back when the agent fails', async () => {
    const to = folderWith({ a: 'old' })
    const { code, records } = await copyTree(folderWith({ a: 'A', b: 'x'.repeat(5000) }), { host: to, kind: 'copy', quota: '1Ki' })
    expect(code).not.toBe('done')
    expect(readdirSync(to)).toEqual(['a'])
    expect(readFileSync(join(to, 'a'), 'utf8')).toBe('old')
    expect(writeBacks(records)).toEqual([])
    expect(readdirSync(join(cacheDir, 'copies'))).toEqual([])
  })

  test('what is in memory is gone with its session, and bounded', async () => {
    const from = folderWith({ a: 'A', b: 'B' })
    expect((await copyTree(from, { kind: 'memory' })).code).toBe('done')
    expect((await copyTree(from, { kind: 'memory', entries: 1 })).code).not.toBe('done')
    expect((await copyTree(from, { kind: 'memory', quota: '1' })).code).not.toBe('done')
    expect((await copyTree(from, { kind: 'memory', entries: 2, quota: '2' })).code).toBe('done')
  })

  test('no mount may show the private copies of others', async () => {
    mkdirSync(join(cacheDir, 'copies'), { recursive: true })
    expect(existsSync(join(cacheDir, 'copies'))).toBe(true)
    await expect(copyTree(folderWith({}), { host: join(cacheDir, 'copies') })).rejects.toMatchObject({ code: 'mount.invalid' })
    await expect(copyTree(folderWith({}), { host: home.folder })).rejects.toMatchObject({ code: 'mount.invalid' })
  })
})
