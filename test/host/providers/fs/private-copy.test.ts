import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FsOptions } from '#host/providers/fs/fs-provider.ts'
import { makePrivateFolder } from '#host/providers/fs/private-folder.ts'
import { fsRule } from '../guest-session.ts'
import { codeOf, mountedGuest, type MountedGuest, type MountWish, okOf, scratchFolder } from './mounted-guest.ts'

interface Scene extends AsyncDisposable {
  readonly guest: MountedGuest
  /** The host's folder. */
  readonly box: string
  readonly copies: string
}

const scene = async (
  prepare: (box: string) => Promise<unknown>,
  wish: Partial<MountWish> = {},
  options: Partial<FsOptions> & { denies?: ReturnType<typeof fsRule>[] } = {},
): Promise<Scene> => {
  const folder = await scratchFolder()
  const [box, copies] = [join(folder.path, 'box'), join(folder.path, 'copies')]
  await mkdir(box)
  await prepare(box)
  const guest = await mountedGuest({ '/box': { hostPath: box, kind: 'copy', ...wish } }, { copyFolder: copies, ...options }).catch(
    async (error: unknown) => {
      expect(existsSync(copies) ? readdirSync(copies) : []).toEqual([])
      await folder[Symbol.asyncDispose]()
      throw error
    },
  )
  return {
    guest,
    box,
    copies,
    [Symbol.asyncDispose]: async () => {
      await guest[Symbol.asyncDispose]()
      expect(readdirSync(copies)).toEqual([])
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Every path below a folder, files with their content. */
const treeOf = (folder: string, below = ''): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
      const path = join(below, entry.name)
      if (entry.isDirectory()) return [[`${path}/`, ''], ...Object.entries(treeOf(folder, path))]
      return [[path, entry.isFile() ? readFileSync(join(folder, path), 'utf8') : 'special']]
    }),
  )

const some = async (box: string): Promise<void> => {
  await mkdir(join(box, 'd', 'e'), { recursive: true })
  for (const [path, text] of [
    ['a', 'A'],
    ['b', 'B'],
    ['d/c', 'C'],
    ['d/e/f', 'F'],
  ] as const)
    await writeFile(join(box, path), text)
}
const all = { a: 'A', b: 'B', 'd/': '', 'd/c': 'C', 'd/e/': '', 'd/e/f': 'F' }

describe('copied in', () => {
  test('a guest has a private copy: what it does is not seen on the host, nor the other way round', async () => {
    await using s = await scene(some)
    expect(await s.guest.read('d/e/f')).toBe('F')
    await s.guest.write('a', 'changed')
    okOf(await s.guest.unlink('b'))
    await writeFile(join(s.box, 'd', 'c'), 'on the host')
    expect(await s.guest.read('d/c')).toBe('C')
    expect(treeOf(s.box)).toEqual({ ...all, 'd/c': 'on the host' })
  })

  test('its folder can be entered by nobody else, and keeps the times of what was copied', async () => {
    await using s = await scene(async (box) => {
      await writeFile(join(box, 'f'), 'x')
      await utimes(join(box, 'f'), 100, 200)
    })
    const [name = ''] = readdirSync(s.copies)
    expect([statSync(s.copies).mode & 0o777, statSync(join(s.copies, name)).mode & 0o777]).toEqual([0o700, 0o700])
    expect(okOf(await s.guest.stat('f')).value).toMatchObject({ modifiedNs: '200000000000' })
  })

  test('links, FIFOs and names that are not UTF-8 stay out, and never block', async () => {
    await using s = await scene(async (box) => {
      await some(box)
      await symlink('/etc/passwd', join(box, 'out'))
      await symlink('d', join(box, 'in'))
      execFileSync('mkfifo', [join(box, 'fifo')])
      await writeFile(Buffer.concat([Buffer.from(`${box}/`), Buffer.from([0xff, 0xfe])]), 'x')
    })
    expect(await s.guest.names()).toEqual(['a', 'b', 'd'])
    expect(await s.guest.session.finish()).toEqual([
      { summary: expect.objectContaining({ written: 0, removed: 0 }), refused: [], refusedCount: 0 },
    ])
    expect(readdirSync(s.box)).toHaveLength(7)
  })

  test('a folder past a quota is refused at the start, with nothing left behind', async () => {
    await expect(scene(some, { quotaBytes: 3 })).rejects.toMatchObject({ code: 'mount.invalid' })
    await expect(scene(some, { quotaEntries: 5 })).rejects.toMatchObject({ code: 'mount.invalid' })
    await using s = await scene(some, { quotaBytes: 4, quotaEntries: 6 })
    expect(await s.guest.write('a', 'AA')).toBe('quota')
    expect(codeOf(await s.guest.mkdir('x'))).toBe('quota')
    expect(await s.guest.write('a', 'Z')).toBe('ok')
  })

  test('one that is read-only cannot be changed and writes nothing back', async () => {
    await using s = await scene(some, { mode: 'ro' })
    expect(await s.guest.write('a', 'x')).toBe('not-permitted')
    expect(await s.guest.session.finish()).toEqual([])
  })
})

describe('written back', () => {
  test('at a good end: what changed, what is new, what is gone and what moved, and nothing else', async () => {
    await using s = await scene(some)
    const untouched = await stat(join(s.box, 'd', 'c'))
    await s.guest.write('a', 'changed')
    okOf(await s.guest.mkdir('new'))
    okOf(await s.guest.mkdir('new/deep'))
    await s.guest.write('new/deep/g', 'G')
    okOf(await s.guest.link('new/deep/g', 'new/h'))
    okOf(await s.guest.rename('b', 'd/b2'))
    okOf(await s.guest.unlink('d/e/f'))
    okOf(await s.guest.rmdir('d/e'))
    const [outcome] = await s.guest.session.finish()
    expect(outcome).toMatchObject({ summary: { path: '/box', written: 4, made: 2, removed: 3 }, refusedCount: 0 })
    expect(treeOf(s.box)).toEqual({
      a: 'changed',
      'd/': '',
      'd/b2': 'B',
      'd/c': 'C',
      'new/': '',
      'new/deep/': '',
      'new/deep/g': 'G',
      'new/h': 'G',
    })
    expect((await stat(join(s.box, 'd', 'c'))).ctimeMs).toBe(untouched.ctimeMs)
  })

  test('not at all when the session did not end well', async () => {
    {
      await using s = await scene(some)
      await s.guest.write('a', 'changed')
      await s.guest[Symbol.asyncDispose]()
      expect(treeOf(s.box)).toEqual(all)
    }
  })

  test('a file takes the place of another whole, with its permissions, never with a set-user-id bit', async () => {
    await using s = await scene(async (box) => {
      await some(box)
      await chmod(join(box, 'a'), 0o4750)
      await link(join(box, 'b'), join(box, 'b-too'))
    })
    const before = await stat(join(s.box, 'a'))
    await s.guest.write('a', 'changed')
    await s.guest.write('b', 'changed')
    await s.guest.session.finish()
    const after = await stat(join(s.box, 'a'))
    expect([after.ino === before.ino, after.mode & 0o7777]).toEqual([false, 0o750])
    // Another name of the same file, perhaps outside, is not written to.
    expect(await readFile(join(s.box, 'b-too'), 'utf8')).toBe('B')
  })

  test('a file becomes a folder and a folder a file', async () => {
    await using s = await scene(some)
    okOf(await s.guest.unlink('a'))
    okOf(await s.guest.mkdir('a'))
    await s.guest.write('a/x', 'X')
    for (const path of ['d/e/f', 'd/c']) okOf(await s.guest.unlink(path))
    for (const path of ['d/e', 'd']) okOf(await s.guest.rmdir(path))
    await s.guest.write('d', 'D')
    expect((await s.guest.session.finish())[0]).toMatchObject({ refusedCount: 0 })
    expect(treeOf(s.box)).toEqual({ 'a/': '', 'a/x': 'X', b: 'B', d: 'D' })
  })

  test('what the host changed, made or removed meanwhile stays as the host has it, and is told', async () => {
    await using s = await scene(some)
    for (const path of ['a', 'b', 'd/c', 'new', 'd/e/f']) await s.guest.write(path, 'the guest')
    okOf(await s.guest.unlink('d/c'))
    await writeFile(join(s.box, 'a'), 'the host')
    await rm(join(s.box, 'b'))
    await writeFile(join(s.box, 'd', 'c'), 'the host')
    await writeFile(join(s.box, 'new'), 'the host')
    await rm(join(s.box, 'd', 'e'), { recursive: true })
    const [outcome] = await s.guest.session.finish()
    expect(outcome?.refused.map(({ capability, why }) => ['path' in capability && capability.path, why])).toEqual([
      ['/box/a', 'a: busy: changed on the host meanwhile'],
      ['/box/b', 'b: busy: changed on the host meanwhile'],
      ['/box/new', 'new: exist: EEXIST'],
      ['/box/d/e/f', 'd/e/f: no-entry: its folder is gone on the host'],
      ['/box/d/c', 'd/c: busy: changed on the host meanwhile'],
    ])
    expect(outcome).toMatchObject({ refusedCount: 5, summary: { written: 0, refused: 5 } })
    expect(treeOf(s.box)).toEqual({ a: 'the host', 'd/': '', 'd/c': 'the host', new: 'the host' })
  })

  test('nothing that the host put in the way is followed: no link, wherever it leads', async () => {
    await using s = await scene(some)
    const out = join(s.box, '..', 'out')
    await mkdir(join(out, 'e'), { recursive: true })
    await writeFile(join(out, 'c'), 'outside')
    await s.guest.write('d/c', 'the guest')
    await s.guest.write('d/new', 'the guest')
    await s.guest.write('d/e/new', 'the guest')
    await s.guest.write('a', 'the guest')
    okOf(await s.guest.unlink('d/e/f'))
    await rm(join(s.box, 'd'), { recursive: true })
    await rm(join(s.box, 'a'))
    await symlink('../out', join(s.box, 'd'))
    await symlink('../out/c', join(s.box, 'a'))
    const [outcome] = await s.guest.session.finish()
    expect(outcome).toMatchObject({ summary: { written: 0, removed: 0 }, refusedCount: 5 })
    expect(treeOf(out)).toEqual({ c: 'outside', 'e/': '' })
    expect(await readdir(s.box)).toEqual(['a', 'b', 'd'])
  })

  test('links that a guest made are left behind, and told', async () => {
    await using s = await scene(some)
    okOf(await s.guest.symlink('a', 'l'))
    expect((await s.guest.session.finish())[0]).toMatchObject({ refused: [{ why: 'l: unsupported: links are not taken over' }] })
    expect(treeOf(s.box)).toEqual(all)
  })

  test('what a rule denies is not written', async () => {
    await using s = await scene(some, {}, { denies: [fsRule('/box/d/e', 'rw')], pinned: ['/box/d/e'] })
    expect(await s.guest.write('d/e/f', 'x')).toBe('not-permitted')
    await s.guest.write('a', 'changed')
    expect((await s.guest.session.finish())[0]).toMatchObject({ summary: { written: 1 }, refusedCount: 0 })
    expect(treeOf(s.box)).toEqual({ ...all, a: 'changed' })
  })

  test('a half-written file of a host that crashed is not copied, and goes when it is old', async () => {
    const name = (digit: string): string => `.cordon-${digit.repeat(32)}.part`
    await using s = await scene(async (box) => {
      for (const digit of ['a', 'b']) await writeFile(join(box, name(digit)), 'half')
      await utimes(join(box, name('a')), 100, 100)
    })
    expect(await s.guest.names()).toEqual([])
    await s.guest.session.finish()
    expect(readdirSync(s.box)).toEqual([name('b')])
  })
})

test('private folders of processes that are gone are swept, others stay', async () => {
  await using folder = await scratchFolder()
  await using mine = await makePrivateFolder(folder.path)
  const [boot = '', namespace = '', pid = '', start = ''] = (mine.path.split('/').at(-1) ?? '').split('.')
  const random = '0123456789abcdef'
  const dead = [
    `${boot}.${namespace}.${pid}.1.${random}`,
    `${boot}.${namespace}.4194304.5.${random}`,
    `00000000.${namespace}.${pid}.${start}.${random}`,
  ]
  const alive = [`${boot}.${namespace}.${pid}.${start}.${random}`, `${boot}.1.4194304.5.${random}`, 'something-else']
  for (const name of [...dead, ...alive]) await mkdir(join(folder.path, name, 'below'), { recursive: true })
  await using another = await makePrivateFolder(folder.path)
  const names = [mine, another].map(({ path }) => path.split('/').at(-1) ?? '')
  expect((await readdir(folder.path)).sort()).toEqual([...alive, ...names].sort())
})
