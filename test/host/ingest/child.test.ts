import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ingest } from '#host/ingest/ingest.ts'
import { readDescriptors, startTicks } from '#host/launch/proc.ts'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { commandsBelow, inheritedDescriptor, startHost, type StartedHost } from '../../fixtures/hosts/start-host.ts'
import { scratch, type Scratch } from './scratch.ts'
import { agent, amplifying } from './wat.ts'

let here: Scratch
beforeAll(async () => {
  here = await scratch()
})
afterAll(() => here[Symbol.asyncDispose]())

const MiB = 1024 * 1024

/** Children of this process that ingest started. */
const ingestChildren = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
        return parent === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('child-entry')
      } catch {
        return false
      }
    })

const until = async <T>(look: () => T | undefined): Promise<T> => {
  for (let tries = 0; tries < 500; tries++) {
    const seen = look()
    if (seen !== undefined) return seen
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error('waited in vain')
}

describe('the ingest child', () => {
  test('has an empty environment, the permission model and no way to make code from text', async () => {
    const running = ingest(await agent({ inside: '(func $a)' }), here.options)
    const seen = await until(() => {
      const [pid] = ingestChildren()
      if (pid === undefined) return undefined
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return line.includes('--permission') ? { line, environment: readFileSync(`/proc/${pid}/environ`, 'utf8') } : undefined
    })
    await running
    expect(seen.environment).toBe('')
    expect(seen.line).toContain('--disallow-code-generation-from-strings')
    expect(seen.line).toContain('--no-experimental-sqlite')
    const allowed = seen.line.filter((argument) => argument.startsWith('--allow'))
    expect(allowed.every((argument) => argument.startsWith('--allow-fs-read=/'))).toBe(true)
    expect(allowed.some((argument) => /=\/?\*?$/.test(argument))).toBe(false)
  })

  test('is gone when ingest has answered', async () => {
    await ingest(await agent({ inside: '(func $b)' }), here.options)
    expect(ingestChildren()).toEqual([])
  })

  test('is ended when it takes too long', async () => {
    const start = performance.now()
    await expect(ingest(await amplifying(5), { ...here.options, linker: 'jco', timeoutMs: 150 })).rejects.toMatchObject({
      code: 'ingest.timeout',
      exitCode: 125,
    })
    expect(performance.now() - start).toBeLessThan(2000)
    expect(ingestChildren()).toEqual([])
  })

  test('is ended when it takes too much memory', async () => {
    await expect(ingest(await amplifying(5), { ...here.options, linker: 'jco', rssBytes: 90 * MiB })).rejects.toMatchObject({
      code: 'ingest.memory',
    })
    expect(ingestChildren()).toEqual([])
  })

  test('is ended when the caller gives up', async () => {
    const abort = new AbortController()
    const running = ingest(await agent({ inside: '(func $c)' }), { ...here.options, signal: abort.signal })
    const ended = expect(running).rejects.toMatchObject({ code: 'session.interrupted' })
    await until(() => ingestChildren()[0])
    abort.abort()
    await ended
    expect(ingestChildren()).toEqual([])
  })

  test('is not even started for a caller that has given up', async () => {
    const bytes = await agent({ inside: '(func $d)' })
    await expect(ingest(bytes, { ...here.options, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'session.interrupted' })
    expect(ingestChildren()).toEqual([])
  })

  test('that is killed by others is reported, and the next one works', async () => {
    const bytes = await agent({ inside: '(func $e)' })
    const running = expect(ingest(bytes, here.options)).rejects.toMatchObject({ code: 'ingest.failed' })
    const pid = await until(() => ingestChildren()[0])
    process.kill(pid, 'SIGKILL')
    await running
    expect((await ingest(bytes, here.options)).cached).toBe(false)
  })
})

/** A host in the middle of an ingest that does not end: its child is held still by SIGSTOP. */
const hostAndChild = async (): Promise<{ host: StartedHost; child: number }> => {
  const folder = mkdtempSync(join(here.folder, 'host-'))
  writeFileSync(join(folder, 'component.wasm'), await amplifying(5))
  const host = startHost('ingesting-host.ts', folder)
  const child = await vi.waitUntil(
    () =>
      commandsBelow(host.pid).find(({ command }) => command[0] === process.execPath && command.some((word) => word.includes('child-entry')))
        ?.pid,
    { timeout: 20_000, interval: 2 },
  )
  process.kill(child, 'SIGSTOP')
  return { host, child }
}

const setpriv = findTrustedTool('setpriv', process.env['PATH'] ?? '')

describe('the ingest child of a host that was started by others', () => {
  test.skipIf(setpriv === undefined)('dies with a host that is killed in the middle of an ingest', async () => {
    const { host, child } = await hostAndChild()
    using _ = host
    const started = startTicks(child)
    expect(started).toBeDefined()
    host.kill()
    try {
      await expect.poll(() => startTicks(child), { timeout: 5000 }).not.toBe(started)
    } finally {
      if (startTicks(child) === started) process.kill(child, 'SIGKILL')
    }
  })

  test('does not hold what the parent of its host left open', async () => {
    const { host, child } = await hostAndChild()
    using _ = host
    try {
      expect(readDescriptors(host.pid)?.get(inheritedDescriptor)).toBe(host.secret)
      const held = readDescriptors(child)
      expect(held?.size).toBeGreaterThan(3)
      expect([...(held?.values() ?? [])]).not.toContain(host.secret)
      expect(readFileSync(`/proc/${child}/fd/${inheritedDescriptor}`, 'utf8')).toBe('')
    } finally {
      process.kill(child, 'SIGKILL')
    }
  })
})
