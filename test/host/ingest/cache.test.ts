import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ArtifactCache } from '#host/ingest/cache.ts'
import { hostKey } from '#host/ingest/host-key.ts'
import { ingest } from '#host/ingest/ingest.ts'
import { scratch, type Scratch } from './scratch.ts'
import { agent } from './wat.ts'

let here: Scratch
beforeEach(async () => {
  here = await scratch()
})
afterEach(() => here[Symbol.asyncDispose]())

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const GiB = 1024 ** 3

const openCache = async (maxBytes = GiB): Promise<ArtifactCache> =>
  new ArtifactCache(here.options.cacheDir, await hostKey(here.options.keyFile), maxBytes)

const entries = async (): Promise<string[]> => (await readdir(here.options.cacheDir)).filter((name) => name.endsWith('.artifact'))

describe('the ingest cache', () => {
  test('serves the second ingest of the same bytes, and gives the same artifact', async () => {
    const bytes = await agent()
    const first = await ingest(bytes, here.options)
    const second = await ingest(bytes, here.options)
    expect([first.cached, second.cached]).toEqual([false, true])
    expect(second.artifact).toEqual(first.artifact)
  })

  test('serves nothing that was made for other limits', async () => {
    const bytes = await agent()
    await ingest(bytes, here.options)
    const wider = await ingest(bytes, { ...here.options, limits: { memoryBytes: GiB, tableElements: 10_000 } })
    expect(wider.cached).toBe(false)
  })

  test('refuses, deletes and replaces an entry with any byte changed', async () => {
    const bytes = await agent()
    const { artifact } = await ingest(bytes, here.options)
    const [name = ''] = await entries()
    const file = join(here.options.cacheDir, name)
    const whole = await readFile(file)
    for (const position of [0, 31, 32, 40, whole.length - 1]) {
      const changed = Buffer.from(whole)
      changed[position] = (changed[position] ?? 0) ^ 1
      await writeFile(file, changed)
      expect(await (await openCache()).find(artifact.key), `byte ${position}`).toEqual({ kind: 'tampered' })
      expect(await entries()).toEqual([])
    }
    await writeFile(file, whole.subarray(0, whole.length / 2))
    const lines: string[] = []
    const again = await ingest(bytes, { ...here.options, progress: (line) => lines.push(line) })
    expect([again.cached, again.cacheTampered]).toEqual([false, true])
    expect(lines.join('\n')).toContain('tampered')
    expect((await ingest(bytes, here.options)).cached).toBe(true)
  })

  test('refuses an entry that is authentic but was written under another key', async () => {
    const cache = await openCache()
    await cache.keep(keyOf('one'), Buffer.from('what one was made of'))
    const moved = await readFile(join(here.options.cacheDir, `${keyOf('one')}.artifact`))
    await writeFile(join(here.options.cacheDir, `${keyOf('two')}.artifact`), moved)
    expect(await cache.find(keyOf('two'))).toEqual({ kind: 'tampered' })
    expect((await cache.find(keyOf('one'))).kind).toBe('hit')
  })

  test('follows no link that was planted under the name of an entry', async () => {
    const cache = await openCache()
    await cache.keep(keyOf('one'), Buffer.from('x'))
    await symlink(join(here.options.cacheDir, `${keyOf('one')}.artifact`), join(here.options.cacheDir, `${keyOf('two')}.artifact`))
    expect(await cache.find(keyOf('two'))).toEqual({ kind: 'tampered' })
  })

  test('has nothing but whole entries after a writer was killed, over and over', async () => {
    const program = `
      import { ArtifactCache } from '#host/ingest/cache.ts'
      import { hostKey } from '#host/ingest/host-key.ts'
      const cache = new ArtifactCache(process.argv[1], await hostKey(process.argv[2]), 1e9)
      const bytes = new Uint8Array(4_000_000).fill(7)
      process.stdout.write('ready')
      for (;;) await cache.keep(process.argv[3], bytes)`
    const cache = await openCache()
    for (let round = 0; round < 8; round++) {
      const writer = spawn(
        process.execPath,
        ['--conditions=source', '--input-type=module', '-e', program, here.options.cacheDir, here.options.keyFile, keyOf('one')],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
      await new Promise((resolve) => writer.stdout.once('data', resolve))
      await new Promise((resolve) => setTimeout(resolve, 3 + round * 4))
      writer.kill('SIGKILL')
      await new Promise((resolve) => writer.once('exit', resolve))
      const found = await cache.find(keyOf('one'))
      expect(found.kind).not.toBe('tampered')
      if (found.kind === 'hit') expect(found.bytes.equals(Buffer.alloc(4_000_000, 7))).toBe(true)
    }
  })

  test('is shared by processes that ingest the same component at once', async () => {
    const bytes = await agent()
    const both = await Promise.all([ingest(bytes, here.options), ingest(bytes, here.options), ingest(bytes, here.options)])
    expect(new Set(both.map(({ artifact }) => artifact.key)).size).toBe(1)
    expect(both[1].artifact).toEqual(both[0].artifact)
    expect(await entries()).toHaveLength(1)
    expect((await ingest(bytes, here.options)).cached).toBe(true)
  })

  test('lets the entries go that were used least recently when it is full, and drafts of the dead', async () => {
    const cache = await openCache(3000)
    for (const [age, name] of ['one', 'two', 'three'].entries()) {
      await cache.keep(keyOf(name), Buffer.alloc(900))
      const used = new Date(Date.now() - 1_000_000 + age * 1000)
      await utimes(join(here.options.cacheDir, `${keyOf(name)}.artifact`), used, used)
    }
    const draft = join(here.options.cacheDir, `${keyOf('dead')}.0000.draft`)
    await writeFile(draft, 'half')
    await utimes(draft, 1, 1)
    expect((await cache.find(keyOf('one'))).kind).toBe('hit')
    await cache.keep(keyOf('four'), Buffer.alloc(900))
    expect((await entries()).toSorted()).toEqual(['one', 'three', 'four'].map((name) => `${keyOf(name)}.artifact`).toSorted())
    await expect(stat(draft)).rejects.toThrow('ENOENT')
  })

  test('that cannot be written costs speed, not the artifact', async () => {
    await writeFile(join(here.folder, 'cache'), 'a file where the folder should be')
    const lines: string[] = []
    const { artifact, cached } = await ingest(await agent(), { ...here.options, progress: (line) => lines.push(line) })
    expect(cached).toBe(false)
    expect(artifact.exports).toHaveLength(1)
    expect(lines.join('\n')).toContain('could not be cached')
  })
})

describe('the host key', () => {
  test('is made once, for its owner alone, whoever asks at the same time', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => hostKey(here.options.keyFile)))
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1)
    expect((await stat(here.options.keyFile)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(here.folder, 'keys'))).toEqual(['cache.key'])
  })

  test('is refused when others can read it, when it is short, and behind a link', async () => {
    await mkdir(join(here.folder, 'keys'))
    await writeFile(here.options.keyFile, Buffer.alloc(32), { mode: 0o644 })
    await expect(hostKey(here.options.keyFile)).rejects.toMatchObject({ code: 'ingest.failed' })
    const short = join(here.folder, 'keys', 'short')
    await writeFile(short, Buffer.alloc(31), { mode: 0o600 })
    await expect(hostKey(short)).rejects.toMatchObject({ code: 'ingest.failed' })
    const link = join(here.folder, 'keys', 'link')
    await symlink(short, link)
    await expect(hostKey(link)).rejects.toMatchObject({ code: 'ingest.failed' })
  })
})
