import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { canonicalJson, type Json } from '#core/audit/canonical-json.ts'
import { printable, printableJson, printableLine } from '#core/printable.ts'
import { runReportText } from '#cli/run-report.ts'
import { GuestOutput } from '#cli/terminal.ts'
import type { RunReport } from '#core/report.ts'
import { buildWat } from '../fixtures/build-wat.ts'
import { cordonHome } from '../fixtures/cordon-process.ts'

const home = cordonHome()
const { cordon, folder } = home
afterAll(() => home[Symbol.dispose]())

const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u
const csi = '\u009b2J\u202e\u001b[1A\r\u{e0041}\u200b'

describe('F2: text of a guest on the operator’s terminal', () => {
  /** A terminal that keeps what it was shown. */
  const terminal = (): { stream: NodeJS.WriteStream; shown: () => string } => {
    let shown = ''
    const write = (data: string, done: () => void): boolean => {
      shown += data
      done()
      return true
    }
    return { stream: { isTTY: true, write } as unknown as NodeJS.WriteStream, shown: () => shown }
  }

  test('property: however output is cut into pieces, what is shown is the whole made safe', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(csi, '世界', '\n')), { maxLength: 10 }),
        fc.nat(6),
        async (texts, size) => {
          const bytes = Buffer.from(texts.join(''))
          const { stream, shown } = terminal()
          const output = new GuestOutput(stream)
          for (let at = 0; at < bytes.length; at += size + 1) await output.write(bytes.subarray(at, at + size + 1))
          await output.end()
          expect(shown()).toBe(printable(bytes.toString('utf8')))
          expect(shown().replaceAll(/[\n\t]/g, '')).not.toMatch(obeyed)
        },
      ),
    )
  })

  test('property: JSON that is safe to show means what it meant', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const shown = printableJson({ value, text, csi }, 2)
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify({ value, text, csi })))
        expect(shown.replaceAll('\n', '')).not.toMatch(obeyed)
      }),
    )
    expect(printableJson(undefined)).toBe('null')
  })

  test('one line stays one line', () => {
    expect(printableLine('a\nb\tc\u2028')).toBe(String.raw`a\u{a}b\u{9}c\u{2028}`)
    expect(printable('a\nb\tc\u2028')).toBe('a\nb\tc\\u{2028}')
  })

  test('the table after a run shows nothing as it is, and which rule denied', () => {
    const report: RunReport = {
      session: { id: 's', agent: `a${csi}`, bundle: 'sha256:0', isolation: 'process' },
      usage: { wallMs: 0, cpuMs: 0, fuel: 0, memoryPeakBytes: 0, calls: 1, denied: 1, egressBytes: 0, ingressBytes: 0, outputBytes: 0 },
      denials: [],
      calls: [{ call: 'c', target: `net:request GET https://x/${csi}`, effect: 'deny', reason: 'denied', rule: `policy${csi}.yaml:12` }],
      stdout: '',
      stderr: '',
      truncated: false,
      audit: { dir: `/tmp/${csi}`, firstSeq: 0, lastSeq: 1, head: '' },
    }
    const text = runReportText(report)
    expect(text.replaceAll('\n', '')).not.toMatch(obeyed)
    expect(text).toMatch(/denied by policy.*\.yaml:12/)
  })
})

describe('a log that somebody sent', () => {
  const log = (records: readonly Json[]): string => {
    const path = join(folder, `log${csi}`)
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'records.jsonl'), records.map((record) => `${canonicalJson(record)}\n`).join(''))
    return path
  }
  const place = { v: 1, prev: csi, timeMs: Number.MAX_SAFE_INTEGER }

  test('is shown without obeying it, whatever its fields hold', async () => {
    const types = ['opened', 'session-started', 'decision', 'outcome', 'session-ended', 'closed', csi, '__proto__', 'toString']
    const odd: readonly Json[] = [csi, 7, null, [csi], { [csi]: csi }, true]
    const names = [
      'log',
      'keyId',
      'bundle',
      'agent',
      'session',
      'resource',
      'rule',
      'hint',
      'call',
      'code',
      'status',
      'outcome',
      'unsignedRecords',
    ]
    const records = types.flatMap((type) =>
      odd.map((value) => ({ ...place, seq: 0, type, ...Object.fromEntries(names.map((name) => [name, value])) })),
    )
    const path = log(records)
    for (const format of ['text', 'json']) {
      const { exitCode, stdout, stderr } = await cordon(['audit', 'show', path, '-o', format])
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(stdout.split('\n')).toHaveLength(records.length + 1)
      expect(stdout.replaceAll('\n', '')).not.toMatch(obeyed)
    }
    const verified = await cordon(['audit', 'verify', path, '--key', 'none'])
    expect(verified.exitCode).toBe(1)
    expect(verified.stdout.replaceAll('\n', '')).not.toMatch(obeyed)
  })
})

describe('a reader that goes away', () => {
  const audit = join(folder, 'audit-unread')
  /** Runs a command line whose reader leaves after the first piece; gives its exit code. */
  const unread = async (args: readonly string[]): Promise<unknown> => {
    const entry = new URL('../../src/cli/cordon.ts', import.meta.url).pathname
    const env = {
      HOME: folder,
      XDG_STATE_HOME: join(folder, 'state'),
      XDG_CACHE_HOME: join(folder, 'cache'),
      PATH: process.env['PATH'] ?? '',
    }
    const child = spawn(process.execPath, ['--conditions=source', entry, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    child.stdout.once('data', () => child.stdout.destroy())
    const [exitCode] = (await once(child, 'close')) as unknown[]
    return exitCode
  }

  test('ends a run with its records written', async () => {
    const guest = join(folder, 'floods.wasm')
    writeFileSync(guest, await buildWat('floods-stdout'))
    await unread(['run', guest, '--audit', audit, '--limit', 'output=1Gi', '--limit', 'fuel=1000G'])
    const last = readFileSync(join(audit, 'records.jsonl'), 'utf8').trimEnd().split('\n').slice(-2)
    expect(last.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['session-ended', 'closed'])
    expect((await cordon(['audit', 'verify', audit])).exitCode).toBe(0)
  })

  test('is no failure of `audit show`', async () => {
    const records = join(audit, 'records.jsonl')
    appendFileSync(records, readFileSync(records, 'utf8').repeat(5000))
    expect(await unread(['audit', 'show', audit])).toBe(0)
  })
})

describe('errors', () => {
  test('every failure is one JSON document with `-o json`, wherever it stands on the line', async () => {
    for (const args of [
      ['run', '-o', 'json'],
      ['run', 'nothing.wasm', '-qo', 'json'],
      ['run', 'nothing.wasm', '-qojson'],
      ['nonsense', '--output=json'],
      ['run', 'x.wasm', '--nonsense', '--output', 'json'],
      ['audit', '-ojson'],
      ['eval', '-o', 'json'],
    ]) {
      const { exitCode, stdout, stderr } = await cordon(args)
      expect([args, stderr, JSON.parse(stdout)]).toMatchObject([args, '', { ok: false, exitCode }])
    }
  })

  test('a name that was made to deceive is shown for what it is, and starts no line of its own', async () => {
    const name = `x${csi}\ncordon: all is well (fine).wasm`
    const { exitCode, stderr } = await cordon(['run', name])
    expect(exitCode).toBe(125)
    expect(stderr.replaceAll('\n', '')).not.toMatch(obeyed)
    expect(stderr.match(/^cordon:/gm)).toHaveLength(1)
  })

  test('input without end is refused', async () => {
    symlinkSync('/dev/zero', join(folder, 'zero'))
    const guest = join(folder, 'floods.wasm')
    const { exitCode, stderr } = await cordon(['run', guest, '--input', `@${join(folder, 'zero')}`])
    expect(exitCode).toBe(125)
    expect(stderr).toContain('expected at most 8388608 bytes')
  })
})
