import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeRecord, type AuditEvent } from '#core/audit/record.ts'
import { readAuditKey, sha256, temporaryAuditKey, type AuditKey } from '#host/log/audit-key.ts'
import { AuditLog } from '#host/log/audit-log.ts'
import { findAuditFolders, readAuditLog, verifyAuditLog } from '#host/log/read-log.ts'

let root: string
let folder: string
let records: string
let key: AuditKey

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-audit-'))
  folder = join(root, 'log')
  records = join(folder, 'records.jsonl')
  key = temporaryAuditKey()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const outcome = (call: string): AuditEvent => ({
  type: 'outcome',
  session: 's1',
  call,
  status: 'done',
  egressBytes: 0,
  ingressBytes: 0,
  durationMs: 1,
})
const writeLog = async (): Promise<void> => {
  await using log = await AuditLog.open({ folder, key })
  await log.append(outcome('a'), { durable: true })
}
const lines = (): string[] => readFileSync(records, 'utf8').split('\n').slice(0, -1)
const opening = (): Promise<unknown> => AuditLog.open({ folder, key })

/** Runs code in a process of its own and gives its exit code; null when it had to be ended. */
const inProcess = (code: string, timeout = 20_000): { status: number | null; stdout: string } => {
  const { status, stdout } = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout,
    killSignal: 'SIGKILL',
  })
  return { status, stdout }
}

describe('what another user planted in a shared folder', () => {
  test('links at the names of the log are not written through', async () => {
    const victim = join(root, 'victim')
    for (const name of ['records.jsonl', 'lock', 'head.new', 'reserve.new', 'head', 'reserve']) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder)
      writeFileSync(victim, 'a file of one line')
      symlinkSync(victim, join(folder, name))
      await opening().then(
        (log) => (log as AuditLog)[Symbol.asyncDispose](),
        () => undefined,
      )
      expect([name, readFileSync(victim, 'utf8')]).toEqual([name, 'a file of one line'])
    }
  })

  test('a file that has another name elsewhere, and one that is no log, are not taken for the records', async () => {
    mkdirSync(folder)
    writeFileSync(join(root, 'victim'), '')
    linkSync(join(root, 'victim'), records)
    await expect(opening()).rejects.toMatchObject({ code: 'audit.failed' })
    rmSync(records)
    writeFileSync(records, 'the only line of some other file')
    await expect(opening()).rejects.toMatchObject({ code: 'audit.invalid' })
    expect(readFileSync(records, 'utf8')).toBe('the only line of some other file')
  })

  test('pipes at the names of the log hold nobody up', () => {
    for (const name of ['records.jsonl', 'lock', 'head']) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder)
      writeFileSync(records, '')
      rmSync(join(folder, name), { force: true })
      spawnSync('mkfifo', [join(folder, name)])
      const { stdout } = inProcess(`
        const { AuditLog } = await import('#host/log/audit-log.ts')
        const { temporaryAuditKey } = await import('#host/log/audit-key.ts')
        const { verifyAuditLog, readAuditLog } = await import('#host/log/read-log.ts')
        const folder = ${JSON.stringify(folder)}
        const codeOf = (work) => work.then(() => 'fine', (error) => error.code)
        console.log(JSON.stringify([
          await codeOf(AuditLog.open({ folder, key: temporaryAuditKey() })),
          await codeOf(verifyAuditLog(folder)),
          await codeOf(Array.fromAsync(readAuditLog(folder))),
        ]))
        process.exit()`)
      expect([name, stdout]).toEqual([name, expect.stringMatching(/^\["audit\./)])
    }
  })
})

describe('while it is written', () => {
  test.each([
    ['moved away with its folder', () => renameSync(folder, `${folder}.old`)],
    ['replaced by another folder', () => (renameSync(folder, `${folder}.old`), mkdirSync(folder))],
    ['removed', () => rmSync(records)],
    ['replaced', () => (rmSync(records), writeFileSync(records, ''))],
    ['cut', () => truncateSync(records, 10)],
    ['appended to', () => appendFileSync(records, '{}\n')],
  ] as const)('records that are %s end all granting', async (_name, disturb) => {
    const log = await AuditLog.open({ folder, key })
    await log.append(outcome('a'), { durable: true })
    disturb()
    await expect(log.append(outcome('b'), { durable: true })).rejects.toMatchObject({ code: 'audit.failed' })
    await expect(log.append(outcome('c'), { durable: false })).rejects.toMatchObject({ code: 'audit.failed' })
    expect(log.failed).toBe(true)
    await log[Symbol.asyncDispose]()
  })

  test('a second writer that is refused leaves the first one everything it needs', async () => {
    await using log = await AuditLog.open({ folder, key })
    const before = readdirSync(folder).toSorted()
    await expect(opening()).rejects.toMatchObject({ code: 'audit.occupied' })
    expect(readdirSync(folder).toSorted()).toEqual(before)
    expect(before).toContain('reserve')
    await log.append(outcome('a'), { durable: true })
  })

  test('of many processes that take over from a dead one, one wins', async () => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 999_999_999, started: '1' }))
    const { stdout } = inProcess(`
      const { lockFolder } = await import('#host/log/folder-lock.ts')
      const { fileOps } = await import('#host/log/file-ops.ts')
      const folder = ${JSON.stringify(folder)}
      let most = 0, wins = 0
      for (let round = 0; round < 30; round++) {
        const held = await Promise.allSettled(Array.from({ length: 12 }, () => lockFolder(folder, fileOps)))
        const locks = held.filter(({ status }) => status === 'fulfilled')
        most = Math.max(most, locks.length)
        wins += locks.length
        for (const { value } of locks) await value()
      }
      console.log(most, wins)`)
    expect(stdout).toBe('1 30\n')
    expect(readdirSync(folder)).toEqual([])
  })

  test('a lock that is still being made is never taken for that of a dead one', async () => {
    const { fileOps } = await import('#host/log/file-ops.ts')
    const path = join(root, 'lock')
    const seen = new Set<string>()
    for (let round = 0; round < 200; round += 1) {
      const made = fileOps.createExclusive(path, Buffer.from('whole'))
      while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve))
      seen.add(readFileSync(path, 'utf8'))
      expect(await made).toBe(true)
      rmSync(path)
    }
    expect([...seen]).toEqual(['whole'])
  })
})

describe('forged', () => {
  test('records put behind the signed head between two runs are told apart, though the next head covers them', async () => {
    await writeLog()
    const last = lines().at(-1) ?? ''
    const place = { seq: lines().length, timeMs: Date.now(), prev: sha256(Buffer.from(last)).toHex() }
    appendFileSync(records, `${encodeRecord(outcome('forged'), place)}\n`)
    await writeLog()
    expect(lines()[4]).toContain('"unsignedRecords":1')
    expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'authenticated', adopted: 1 })
  })

  test('bytes that are no UTF-8 are no other way to write a record', async () => {
    const log = await AuditLog.open({ folder, key })
    await log.append({ ...outcome('a'), detail: 'a\ud800b' } as AuditEvent, { durable: true })
    await log[Symbol.asyncDispose]()
    const bytes = readFileSync(records)
    const at = bytes.indexOf(Buffer.from('\ufffd'))
    writeFileSync(records, Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)]))
    expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'bad' })
  })

  test('a line that nests as deep as a line can is bad, and no end of the verifier', async () => {
    await writeLog()
    const [first = ''] = lines()
    const prev = sha256(Buffer.from(first)).toHex()
    const deep = `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)},"prev":"${prev}","seq":1,"timeMs":1,"type":"x","v":1}`
    writeFileSync(records, `${first}\n${deep}\n`)
    expect(await verifyAuditLog(folder, key.publicKey)).toMatchObject({ status: 'bad', problem: { line: 2 } })
    expect(await Array.fromAsync(readAuditLog(folder))).toHaveLength(1)
  })

  test('a log or a head without end is read in little memory, and records behind an endless line are still shown', async () => {
    await writeLog()
    const whole = readFileSync(records)
    const [first = ''] = lines()
    writeFileSync(records, `${first}\n`)
    truncateSync(records, 1024 ** 3)
    appendFileSync(records, `\n${whole.toString('utf8').slice(first.length + 1)}`)
    const { stdout } = inProcess(
      `
      const { verifyAuditLog, readAuditLog } = await import('#host/log/read-log.ts')
      const folder = ${JSON.stringify(folder)}
      const { status, problem } = await verifyAuditLog(folder)
      const shown = await Array.fromAsync(readAuditLog(folder))
      console.log(status, problem.line, shown.length, process.resourceUsage().maxRSS < 400_000)`,
      60_000,
    )
    expect(stdout).toBe('bad 2 3 true\n')
    truncateSync(join(folder, 'head'), 3 * 1024 ** 3)
    await expect(verifyAuditLog(folder)).rejects.toMatchObject({ code: 'audit.invalid' })
  })
})

test('whoever follows a log hears of it when it is cut or removed', async () => {
  for (const disturb of [() => truncateSync(records, 5), () => rmSync(records)]) {
    rmSync(folder, { recursive: true, force: true })
    await writeLog()
    const following = readAuditLog(folder, { follow: true })
    for (let index = 0; index < 3; index += 1) await following.next()
    disturb()
    await expect(following.next()).rejects.toMatchObject({ code: 'audit.invalid' })
  }
})

test('a place that is no folder is no root of logs', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => findAuditFolders(join(root, 'file'))).toThrow('found none')
})

test('of processes that make the key at once, all get the same one; a lost public half is written again', async () => {
  const path = join(root, 'keys', 'audit.pem')
  const keys = await Promise.all(Array.from({ length: 8 }, () => readAuditKey(path)))
  expect(new Set(keys.map(({ publicKey }) => publicKey.toHex())).size).toBe(1)
  const text = readFileSync(`${path}.pub`, 'utf8')
  rmSync(`${path}.pub`)
  await readAuditKey(path)
  expect(readFileSync(`${path}.pub`, 'utf8')).toBe(text)
})
