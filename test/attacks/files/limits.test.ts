import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import { fsRule } from '../../host/providers/guest-session.ts'
import { codeOf, mountedGuest, scratchFolder } from '../../host/providers/fs/mounted-guest.ts'

describe('A8: a read-only mount', () => {
  test('refuses everything that changes it, by whatever handle', async () => {
    await using ro = await scratchFolder()
    await using rw = await scratchFolder()
    await writeFile(join(ro.path, 'f'), 'content')
    await mkdir(join(ro.path, 'd'))
    await symlink('f', join(ro.path, 'l'))
    const before = await stat(join(ro.path, 'f'))
    await using guest = await mountedGuest({ '/ro': { hostPath: ro.path, mode: 'ro' }, '/rw': { hostPath: rw.path } })
    const dir = guest.root('/ro')
    const target = guest.root('/rw')
    await guest.write('mine', 'x', target)
    const { call } = { call: guest.session.call.bind(guest.session) }
    const file = await guest.open('f', {}, dir)
    if (!file.ok) throw new Error(file.code)
    const attempts = {
      write: await guest.open('f', { write: true }, dir),
      truncate: await guest.open('f', { write: true, truncate: true }, dir),
      truncateToRead: await guest.open('f', { truncate: true }, dir),
      create: await guest.create('new', dir),
      createExisting: await guest.open('f', { create: true }, dir),
      throughLink: await guest.open('l', { write: true }, dir),
      mkdir: await guest.mkdir('new', dir),
      rmdir: await guest.rmdir('d', dir),
      unlink: await guest.unlink('f', dir),
      symlink: await guest.symlink('f', 'new', dir),
      rename: await guest.rename('f', 'new', { from: dir, to: dir }),
      renameOut: await guest.rename('f', 'got', { from: dir, to: target }),
      renameIn: await guest.rename('mine', 'new', { from: target, to: dir }),
      link: await guest.link('f', 'new', { from: dir, to: dir }),
      linkOut: await guest.link('f', 'got', { from: dir, to: target }),
      linkIn: await guest.link('mine', 'new', { from: target, to: dir }),
      times: await call('fs.set-times-at', { dir, path: 'f', followLinks: true, accessedNs: '1', modifiedNs: '1' }),
      timesOfHandle: await call('fs.set-times', { handle: file.handle, accessedNs: '1', modifiedNs: '1' }),
      timesOfRoot: await call('fs.set-times', { handle: dir, accessedNs: '1', modifiedNs: '1' }),
      size: await call('fs.set-size', { handle: file.handle, size: 0 }),
      writeHandle: await call('fs.write', { handle: file.handle, offset: 0 }, 'x'),
      append: await call('fs.write', { handle: file.handle, offset: null }, 'x'),
    }
    for (const [name, answer] of Object.entries(attempts)) expect([name, answer.ok]).toEqual([name, false])
    expect(readdirSync(ro.path).sort()).toEqual(['d', 'f', 'l'])
    expect(readdirSync(rw.path)).toEqual(['mine'])
    expect(await readFile(join(ro.path, 'f'), 'utf8')).toBe('content')
    expect((await stat(join(ro.path, 'f'))).mtimeMs).toBe(before.mtimeMs)
  })

  test('is read-only by the mount itself, not only by the decision', async () => {
    await using folder = await scratchFolder()
    const wide = fsRule('/box', 'rw', { hostPath: folder.path })
    const { createFsProvider } = await import('#host/providers/fs/fs-provider.ts')
    const { GuestSession, policyOf } = await import('../../host/providers/guest-session.ts')
    // A decision that errs on the side of the guest meets a mount that was opened ro.
    const session = new GuestSession(policyOf({ fs: [wide] }))
    const { provider, preopens } = await createFsProvider(session, [{ ...wide, mode: 'ro' }])
    session.use(provider)
    const dir = session.adopt(preopens[0]?.open ?? expect.fail('no preopen'))
    expect(await session.call('fs.mkdir', { dir, path: 'd' })).toMatchObject({ ok: false, code: 'read-only' })
    await session[Symbol.asyncDispose]()
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('links and moves across mounts are refused even where both may be written', async () => {
    await using one = await scratchFolder()
    await using two = await scratchFolder()
    await using guest = await mountedGuest({ '/one': { hostPath: one.path }, '/two': { hostPath: two.path } })
    const from = guest.root('/one')
    const to = guest.root('/two')
    await guest.write('f', 'x', from)
    expect(codeOf(await guest.rename('f', 'g', { from, to }))).toBe('cross-device')
    expect(codeOf(await guest.link('f', 'g', { from, to }))).toBe('cross-device')
  })
})

describe('A11, A15: what a rule denies stays denied', () => {
  const denied = async (use: (guest: Awaited<ReturnType<typeof mountedGuest>>, box: string) => Promise<void>): Promise<void> => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'a', 'private'), { recursive: true })
    await mkdir(join(folder.path, 'open'))
    await writeFile(join(folder.path, 'a', 'private', 'key'), 'the key')
    await using guest = await mountedGuest(
      { '/box': { hostPath: folder.path } },
      { denies: [fsRule('/box/a/private', 'rw')], pinned: ['/box/a/private'] },
    )
    await use(guest, folder.path)
    expect(await readFile(join(folder.path, 'a', 'private', 'key'), 'utf8')).toBe('the key')
  }

  test('by its name, by a link, by `..` and from an open directory', () =>
    denied(async (guest, box) => {
      await symlink('a/private', join(box, 'way'))
      await symlink('a', join(box, 'b'))
      await guest.symlink('private', 'a/l')
      for (const path of [
        'a/private/key',
        'a/PRIVATE/../private/key',
        'way/key',
        'b/private/key',
        'a/l/key',
        'open/../a/private/key',
        'way',
        'b/private',
      ]) {
        expect(await guest.read(path)).not.toMatch(/^the key$|^$/)
        expect(codeOf(await guest.stat(path))).not.toBe('ok')
      }
      const opened = await guest.open('a', { directory: true })
      expect(await guest.read('private/key', {}, opened.ok ? opened.handle : -1)).toBe('not-permitted')
      expect(codeOf(await guest.link('a/private/key', 'open/key'))).toBe('not-permitted')
      expect(codeOf(await guest.link('way/key', 'open/key'))).toBe('not-permitted')
      expect(await guest.write('way/new', 'x')).toBe('not-permitted')
    }))

  test('by moving the directory above it', () =>
    denied(async (guest, box) => {
      expect(codeOf(await guest.rename('a', 'c'))).toBe('busy')
      expect(codeOf(await guest.rename('a/private', 'c'))).toBe('not-permitted')
      await symlink('a', join(box, 'b'))
      expect(codeOf(await guest.rename('open', 'a/private/open'))).toBe('not-permitted')
      expect(existsSync(join(box, 'c'))).toBe(false)
    }))
})

describe('A12: special files', () => {
  test('a FIFO, a socket and a device are refused at once, whatever the flags', async () => {
    await using folder = await scratchFolder()
    execFileSync('mkfifo', [join(folder.path, 'fifo')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(folder.path, 'socket'), resolve))
    const names = ['fifo', 'socket']
    try {
      execFileSync('mknod', [join(folder.path, 'null'), 'c', '1', '3'], { stdio: 'ignore' })
      names.push('null')
    } catch {
      // Only root may make devices.
    }
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    const started = performance.now()
    for (const name of names) {
      for (const flags of [
        {},
        { write: true },
        { write: true, read: false },
        { write: true, truncate: true },
        { create: true, write: true },
      ]) {
        expect([name, codeOf(await guest.open(name, flags))]).toEqual([name, 'not-permitted'])
      }
      expect(codeOf(await guest.stat(name))).toBe('ok')
    }
    expect(performance.now() - started).toBeLessThan(2000)
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('A13: filling the disk', () => {
  test('a quota counts what is there, what is written, holes too, and what is freed', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'old'), 'x'.repeat(400))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    expect(await guest.write('a', 'x'.repeat(500))).toBe('ok')
    expect(await guest.write('b', 'x'.repeat(200))).toBe('quota')
    expect(await guest.write('b', 'x'.repeat(100))).toBe('ok')
    expect(await guest.write('a', 'x'.repeat(500))).toBe('ok')
    const sparse = await guest.create('hole')
    if (!sparse.ok) throw new Error(sparse.code)
    expect(codeOf(await guest.session.call('fs.set-size', { handle: sparse.handle, size: 1_000_000_000 }))).toBe('quota')
    expect(codeOf(await guest.session.call('fs.write', { handle: sparse.handle, offset: 1_000_000_000 }, 'x'))).toBe('quota')
    expect(codeOf(await guest.session.call('fs.write', { handle: sparse.handle, offset: Number.MAX_SAFE_INTEGER }, 'x'))).toBe(
      'file-too-large',
    )
    expect(codeOf(await guest.unlink('old'))).toBe('ok')
    expect(codeOf(await guest.session.call('fs.set-size', { handle: sparse.handle, size: 400 }))).toBe('ok')
    expect(codeOf(await guest.session.call('fs.set-size', { handle: sparse.handle, size: 401 }))).toBe('quota')
  })

  test('a file without a name still counts while it is open, and is free afterwards', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    const handles: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const opened = await guest.create('f')
      if (!opened.ok) throw new Error(opened.code)
      handles.push(opened.handle)
      await guest.session.call('fs.write', { handle: opened.handle, offset: 0 }, 'x'.repeat(300))
      await guest.unlink('f')
    }
    const held = await guest.create('g')
    if (!held.ok) throw new Error(held.code)
    expect(codeOf(await guest.session.call('fs.write', { handle: held.handle, offset: 0 }, 'x'.repeat(300)))).toBe('quota')
    for (const handle of handles) await guest.session.call('fs.close', { handle })
    expect(codeOf(await guest.session.call('fs.write', { handle: held.handle, offset: 0 }, 'x'.repeat(1000)))).toBe('ok')
  })

  test('replacing by rename frees what was replaced, and a second name frees nothing when it goes', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    await guest.write('a', 'x'.repeat(400))
    await guest.write('b', 'x'.repeat(400))
    await guest.rename('a', 'b')
    expect(await guest.write('c', 'x'.repeat(600))).toBe('ok')
    await guest.link('c', 'd')
    await guest.unlink('d')
    expect(await guest.write('e', 'x')).toBe('quota')
  })

  test('writes at once cannot pass the quota together', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    const results = await Promise.all(Array.from({ length: 30 }, (_, index) => guest.write(`f${index}`, 'x'.repeat(100))))
    expect(results.filter((result) => result === 'ok')).toHaveLength(10)
    let total = 0
    for (const name of readdirSync(folder.path)) total += (await stat(join(folder.path, name))).size
    expect(total).toBe(1000)
  })

  test('shrinking twice at once frees once', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    await guest.write('f', 'x'.repeat(1000))
    const opened = await guest.open('f', { write: true })
    if (!opened.ok) throw new Error(opened.code)
    await Promise.all(Array.from({ length: 10 }, () => guest.session.call('fs.set-size', { handle: opened.handle, size: 0 })))
    expect(await guest.write('g', 'x'.repeat(1001))).toBe('quota')
  })

  test('new entries are counted, of every kind', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } }, { maxNewEntries: 4 })
    expect(await guest.write('f', '')).toBe('ok')
    expect(codeOf(await guest.mkdir('d'))).toBe('ok')
    expect(codeOf(await guest.symlink('f', 'l'))).toBe('ok')
    expect(codeOf(await guest.link('f', 'h'))).toBe('ok')
    expect(await guest.write('g', '')).toBe('quota')
    expect(codeOf(await guest.mkdir('e'))).toBe('quota')
    await guest.unlink('h')
    expect(codeOf(await guest.mkdir('e'))).toBe('ok')
  })

  test('trees end at a depth that people can still remove', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    let dir = guest.root()
    let depth = 0
    for (; depth < 1000; depth += 1) {
      if (!(await guest.mkdir('d', dir)).ok) break
      const opened = await guest.open('d', { directory: true }, dir)
      if (!opened.ok) break
      if (dir !== guest.root()) await guest.session.call('fs.close', { handle: dir })
      dir = opened.handle
    }
    expect(depth).toBeLessThan(300)
  })

  test('a folder with very many names is listed a bounded piece at a time', async () => {
    await using folder = await scratchFolder()
    for (let index = 0; index < 9000; index += 1) writeFileSync(join(folder.path, `f${index}`), '')
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    const first = await guest.session.call('fs.list', { handle: guest.root(), after: null })
    expect(first).toMatchObject({ ok: true, value: { more: true } })
    expect(JSON.stringify(first).length).toBeLessThan(600_000)
    expect((await guest.names()).length).toBe(9000)
  })

  test('a folder that already holds more than its quota can be mounted and not grow', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'big'), 'x'.repeat(2000))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    expect(await guest.write('a', 'x')).toBe('quota')
  })
})

test('handles are the session’s own: invented and foreign numbers reach nothing', async () => {
  await using folder = await scratchFolder()
  await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
  await using other = await mountedGuest({ '/box': { hostPath: folder.path } })
  const foreign = guest.session.adopt(other.session.handle(other.root()))
  for (const dir of [999, 0, foreign]) {
    expect(codeOf(await guest.mkdir('d', dir))).toBe('bad-descriptor')
    expect(codeOf(await guest.session.call('fs.list', { handle: dir, after: null }))).toBe('bad-descriptor')
  }
})

test('a platform without descriptor paths gets a clear refusal', async () => {
  const { descriptorPaths } = await import('#host/providers/fs/descriptor-paths.ts')
  expect(() => descriptorPaths('darwin')).toThrow(CordonError)
})
