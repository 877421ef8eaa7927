import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AuditEvent } from '#core/audit/record.ts'
import { parsePublicKey, readAuditKey, temporaryAuditKey, type AuditKey } from '#host/log/audit-key.ts'
import { AuditLog } from '#host/log/audit-log.ts'
import { fileOps, type FileOps } from '#host/log/file-ops.ts'
import { findAuditFolders, readAuditLog, verifyAuditLog } from '#host/log/read-log.ts'

let root: string
let folder: string
let key: AuditKey

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-audit-'))
  folder = join(root, 'log')
  key = temporaryAuditKey()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const decision = (call: string): AuditEvent => ({
  type: 'decision',
  session: 's1',
  agent: 'a',
  call,
  op: 'fs.open',
  action: 'fs:read',
  resource: { path: '/inbox/1' },
  effect: 'allow',
  policy: 'p',
})

const lines = (): string[] => readFileSync(join(folder, 'records.jsonl'), 'utf8').split('\n').slice(0, -1)
const rewrite = (change: (lines: string[]) => string[]): void =>
  writeFileSync(
    join(folder, 'records.jsonl'),
    change(lines())
      .map((line) => `${line}\n`)
      .join(''),
  )

const writeLog = async (count = 5): Promise<void> => {
  await using log = await AuditLog.open({ folder, key })
  for (let index = 0; index < count; index += 1) await log.append(decision(`c${index}`), { durable: false })
}

test('a log that nobody touched is authenticated with the key and consistent without', async () => {
  await writeLog()
  const withKey = await verifyAuditLog(folder, key.publicKey)
  expect(withKey).toMatchObject({ status: 'authenticated', records: 7, unsignedTail: 0 })
  expect(await verifyAuditLog(folder)).toMatchObject({ status: 'consistent', records: 7 })
})

test('receipts name the place in the chain', async () => {
  await using log = await AuditLog.open({ folder, key })
  const [first, second] = await Promise.all([log.append(decision('a'), { durable: false }), log.append(decision('b'), { durable: true })])
  expect(first).toMatchObject({ seq: 1, callId: 'a' })
  expect(second).toMatchObject({ seq: 2, callId: 'b' })
  expect((JSON.parse(lines()[2] ?? '{}') as { prev: string }).prev).toBe(first.hash)
})

test('an edited record is named', async () => {
  await writeLog()
  rewrite((all) => all.map((line, index) => (index === 3 ? line.replace('/inbox/1', '/inbox/2') : line)))
  const verdict = await verifyAuditLog(folder, key.publicKey)
  expect(verdict.status).toBe('bad')
  expect(verdict.problem?.message).toContain('record 3 or the chain was edited')
})

test('an edited last record is noticed by the signed head', async () => {
  await writeLog()
  rewrite((all) => all.map((line, index) => (index === 6 ? line.replace('"timeMs":1', '"timeMs":2') : line)))
  expect(await verifyAuditLog(folder)).toMatchObject({ status: 'bad' })
})

test('a cut end, a cut middle, a reordering, a doubled line and a changed line ending are each named', async () => {
  await writeLog()
  const whole = lines()
  const verdictOf = async (changed: readonly string[], end = '\n'): Promise<string | undefined> => {
    writeFileSync(join(folder, 'records.jsonl'), changed.map((line) => `${line}${end}`).join(''))
    const verdict = await verifyAuditLog(folder, key.publicKey)
    expect(verdict.status).toBe('bad')
    return verdict.problem?.message
  }
  expect(await verdictOf(whole.slice(0, -1))).toBe('the signed head covers 7 records, found 6: the end was cut')
  expect(await verdictOf(whole.toSpliced(3, 1))).toBe('expected record 3, got record 4: records were cut, added or reordered')
  expect(await verdictOf([...whole.slice(0, 2), ...whole.slice(2, 4).toReversed(), ...whole.slice(4)])).toContain(
    'expected record 2, got record 3',
  )
  expect(await verdictOf([...whole.slice(0, 3), ...whole.slice(2)])).toContain('expected record 3, got record 2')
  expect(await verdictOf(whole, '\r\n')).toContain('edited')
})

test('a log rewritten from the start under another key is found out by the key, and only by the key', async () => {
  await writeLog()
  const original = key
  rmSync(folder, { recursive: true })
  key = temporaryAuditKey()
  await writeLog()
  expect(await verifyAuditLog(folder, original.publicKey)).toMatchObject({
    status: 'bad',
    problem: { message: expect.stringContaining('re-keyed') as string },
  })
  expect(await verifyAuditLog(folder)).toMatchObject({ status: 'consistent' })
})

test('a missing head is noticed, and so is the head of another log', async () => {
  await writeLog()
  const head = readFileSync(join(folder, 'head'))
  rmSync(join(folder, 'head'))
  expect((await verifyAuditLog(folder)).problem?.message).toContain('it was removed')
  rmSync(folder, { recursive: true })
  await writeLog()
  writeFileSync(join(folder, 'head'), head)
  expect((await verifyAuditLog(folder, key.publicKey)).problem?.message).toContain('expected the head of log')
})

test('records after the last head are counted and never called authenticated', async () => {
  await writeLog()
  const head = readFileSync(join(folder, 'head'))
  await writeLog()
  writeFileSync(join(folder, 'head'), head)
  expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'consistent', unsignedTail: 7 })
})

test('a second writer is refused while the first one lives, and a dead one is replaced', async () => {
  await using log = await AuditLog.open({ folder, key })
  await expect(AuditLog.open({ folder, key })).rejects.toMatchObject({
    code: 'audit.occupied',
    message: expect.stringContaining(String(process.pid)) as string,
  })
  await log[Symbol.asyncDispose]()
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 999_999_999, started: '1', id: 'x' }))
  await using next = await AuditLog.open({ folder, key })
  expect(next.head.size).toBe(3)
})

test('a writer that is killed leaves a log which the next one continues, setting a torn line aside', async () => {
  const program = `
    const { AuditLog } = await import('#host/log/audit-log.ts')
    const { readAuditKey } = await import('#host/log/audit-key.ts')
    const log = await AuditLog.open({ folder: ${JSON.stringify(folder)}, key: await readAuditKey(${JSON.stringify(join(root, 'key.pem'))}) })
    await log.append(${JSON.stringify(decision('x'))}, { durable: true })
    process.kill(process.pid, 'SIGKILL')`
  const child = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', program], { encoding: 'utf8' })
  expect(child.signal).toBe('SIGKILL')
  appendFileSync(join(folder, 'records.jsonl'), '{"torn":')
  key = await readAuditKey(join(root, 'key.pem'))
  await writeLog(1)
  expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'authenticated', records: 5 })
  const types = (await Array.fromAsync(readAuditLog(folder))).map((record) => [record.type, 'tornBytes' in record ? record.tornBytes : 0])
  expect(types).toEqual([
    ['opened', 0],
    ['decision', 0],
    ['opened', 8],
    ['decision', 0],
    ['closed', 0],
  ])
})

test('a folder that does not verify is not continued', async () => {
  await writeLog()
  rewrite((all) => all.toSpliced(2, 1))
  await expect(AuditLog.open({ folder, key })).rejects.toMatchObject({ code: 'audit.invalid' })
})

/** File operations that fail from the given call on. */
const failing = (failures: Partial<Record<keyof FileOps, { from: number; code: string; times?: number }>>): FileOps => {
  const calls: Record<string, number> = {}
  return new Proxy(fileOps, {
    get:
      (target, name: keyof FileOps) =>
      (...args: unknown[]) => {
        const call = (calls[name] = (calls[name] ?? 0) + 1)
        const failure = failures[name]
        if (failure !== undefined && call >= failure.from && call < failure.from + (failure.times ?? Infinity)) {
          return Promise.reject(Object.assign(new Error(failure.code), { code: failure.code }))
        }
        return Reflect.apply(target[name] as (...values: unknown[]) => unknown, target, args)
      },
  })
}

test.each([
  ['a failed write', { write: { from: 2, code: 'EIO' } }],
  ['a failed sync, though the next one would succeed', { sync: { from: 2, code: 'EIO', times: 1 } }],
] as const)('%s is final: that append and all after it reject', async (_name, failures) => {
  const log = await AuditLog.open({ folder, key, ops: failing(failures) })
  await expect(log.append(decision('a'), { durable: true })).rejects.toMatchObject({ code: 'audit.failed' })
  expect(log.failed).toBe(true)
  await expect(log.append(decision('b'), { durable: false })).rejects.toMatchObject({ code: 'audit.failed' })
  await log[Symbol.asyncDispose]()
})

test('on a full disk what is under way is still recorded, from the reserve, and nothing new is granted', async () => {
  const log = await AuditLog.open({ folder, key, ops: failing({ write: { from: 2, code: 'ENOSPC', times: 1 } }) })
  expect(statSync(join(folder, 'reserve')).size).toBe(1024 * 1024)
  await log.append(decision('a'), { durable: true })
  expect(log.failed).toBe(true)
  await expect(log.append(decision('b'), { durable: false })).rejects.toMatchObject({
    code: 'audit.failed',
    message: expect.stringContaining('full') as string,
  })
  // A call of an open session may come any number of times: it would eat the reserve up.
  const call = { export: 'run', inputDigest: '', inputBytes: 0 }
  await expect(
    log.append({ type: 'invoked', session: 's1', agent: 'a', invocation: 0, ...call }, { durable: false }),
  ).rejects.toMatchObject({ code: 'audit.failed' })
  const outcome: AuditEvent = { type: 'outcome', session: 's1', call: 'a', status: 'done', egressBytes: 0, ingressBytes: 0, durationMs: 1 }
  await log.append(outcome, { durable: true })
  await log[Symbol.asyncDispose]()
  expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'authenticated', records: 4 })
})

test('text that a guest chose cannot forge a line', async () => {
  await using log = await AuditLog.open({ folder, key })
  await log.append({ ...decision('c'), resource: { path: '/a\n{"v":1}\r\u2028\u001b[2J' } } as AuditEvent, { durable: true })
  await log.checkpoint()
  expect(lines()).toHaveLength(2)
  expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'authenticated', records: 2 })
})

test('an over-long name is cut and says so', async () => {
  await using log = await AuditLog.open({ folder, key })
  await log.append({ ...decision('c'), resource: { path: 'x'.repeat(100_000) } } as AuditEvent, { durable: true })
  expect(lines()[1]).toContain('… (100000 characters)')
})

test('the signing key is readable by its owner only, or refused', async () => {
  const path = join(root, 'keys', 'audit.pem')
  const made = await readAuditKey(path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect((await readAuditKey(path)).publicKey).toEqual(made.publicKey)
  expect(parsePublicKey(readFileSync(`${path}.pub`, 'utf8'))).toEqual(made.publicKey)
  const { chmodSync } = await import('node:fs')
  chmodSync(path, 0o644)
  await expect(readAuditKey(path)).rejects.toMatchObject({ code: 'audit.invalid', hint: `chmod 600 ${path}` })
})

test('logs are found below a root, and a place without one is refused', async () => {
  await writeLog()
  expect(findAuditFolders(root)).toEqual([folder])
  expect(findAuditFolders(folder)).toEqual([folder])
  expect(() => findAuditFolders(join(root, 'none'))).toThrow('found none')
})

test('following a log gives records as they come', async () => {
  await using log = await AuditLog.open({ folder, key })
  const stop = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const record of readAuditLog(folder, { follow: true, signal: stop.signal })) {
      seen.push(record.type)
      if (seen.length === 2) stop.abort()
    }
  })()
  await log.append(decision('a'), { durable: true })
  await reading
  expect(seen).toEqual(['opened', 'decision'])
})
