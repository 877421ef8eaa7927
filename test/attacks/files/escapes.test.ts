import { link, mkdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, mountedGuest, type MountedGuest, scratchFolder } from '../../host/providers/fs/mounted-guest.ts'

interface Scene {
  readonly guest: MountedGuest
  /** Host folder of the mount `/box`. */
  readonly box: string
  /** Host folder beside it, with a file `secret`. */
  readonly out: string
  [Symbol.asyncDispose](): Promise<void>
}

/** A mount `box` with a folder `out` beside it, whose `secret` must never be read, changed or named. */
const scene = async (mode: 'ro' | 'rw' = 'rw', prepare: (box: string) => Promise<unknown> = async () => undefined): Promise<Scene> => {
  const folder = await scratchFolder()
  const box = join(folder.path, 'box')
  const out = join(folder.path, 'out')
  await mkdir(box)
  await mkdir(out)
  await writeFile(join(out, 'secret'), 'the secret')
  await prepare(box)
  const guest = await mountedGuest({ '/box': { hostPath: box, mode } })
  return {
    guest,
    box,
    out,
    [Symbol.asyncDispose]: async () => {
      await guest[Symbol.asyncDispose]()
      expect(await readFile(join(out, 'secret'), 'utf8')).toBe('the secret')
      expect(readdirSync(out)).toEqual(['secret'])
      await folder[Symbol.asyncDispose]()
    },
  }
}

const escaped = [
  '../out/secret',
  '../../../../../../etc/passwd',
  '/etc/passwd',
  '..',
  '../',
  './..',
  'd/../../out/secret',
  '/',
  '/proc/self/environ',
]

describe('A1: links that lead out', () => {
  test('a guest cannot make one', async () => {
    await using s = await scene()
    await s.guest.mkdir('d')
    for (const target of escaped) expect(codeOf(await s.guest.symlink(target, 'link'))).toBe('not-permitted')
    expect(existsSync(join(s.box, 'link'))).toBe(false)
  })

  test.each(['../out/secret', '../../../../../../../../../../etc/passwd', 'd/../../out/secret'])(
    'one that the host left, to %s, is not followed by anything',
    async (target) => {
      await using s = await scene('rw', async (box) => {
        await mkdir(join(box, 'd'))
        await symlink(target, join(box, 'link'))
        await symlink('link', join(box, 'chain'))
      })
      for (const path of ['link', 'chain', 'link/', './link', 'd/../link', 'd/../chain']) {
        expect(await s.guest.read(path)).toBe('not-permitted')
        expect(await s.guest.write(path, 'x')).not.toBe('ok')
        expect(codeOf(await s.guest.stat(path))).toBe('not-permitted')
      }
      const times = { dir: s.guest.root(), path: 'link', followLinks: true, accessedNs: '1', modifiedNs: '1' }
      expect(codeOf(await s.guest.session.call('fs.set-times-at', times))).toBe('not-permitted')
      expect(codeOf(await s.guest.session.call('fs.readlink', { dir: s.guest.root(), path: 'link' }))).toBe('not-permitted')
    },
  )
})

describe('A2: links on the way', () => {
  test('a link in the middle is walked inside the mount or not at all, followed or not', async () => {
    await using s = await scene('rw', async (box) => {
      await symlink('../out', join(box, 'd'))
      await writeFile(join(box, 'mine'), 'mine')
    })
    for (const followLinks of [true, false]) {
      expect(await s.guest.read('d/secret', { followLinks })).toBe('not-permitted')
      expect(codeOf(await s.guest.open('d/new', { followLinks, create: true, write: true }))).toBe('not-permitted')
      expect(codeOf(await s.guest.stat('d/secret', followLinks))).toBe('not-permitted')
    }
    expect(codeOf(await s.guest.unlink('d/secret'))).toBe('not-permitted')
    expect(codeOf(await s.guest.mkdir('d/x'))).toBe('not-permitted')
    expect(codeOf(await s.guest.rename('d/secret', 'got'))).toBe('not-permitted')
    expect(codeOf(await s.guest.rename('mine', 'd/secret'))).toBe('not-permitted')
    expect(codeOf(await s.guest.link('d/secret', 'got'))).toBe('not-permitted')
    expect(codeOf(await s.guest.symlink('mine', 'd/l'))).toBe('not-permitted')
  })

  test('a link inside is followed, in the middle and at the end', async () => {
    await using s = await scene('rw', async (box) => {
      await mkdir(join(box, 'real', 'deep'), { recursive: true })
      await writeFile(join(box, 'real', 'deep', 'f'), 'inside')
      await symlink('real', join(box, 'way'))
      await symlink('../deep/f', join(box, 'real', 'deep', 'up'))
      await symlink('way/deep/up', join(box, 'end'))
    })
    expect(await s.guest.read('way/deep/f')).toBe('inside')
    expect(await s.guest.read('end')).toBe('inside')
    expect(await s.guest.read('way/../real/deep/f')).toBe('inside')
  })

  test('where a link led is in the record', async () => {
    await using s = await scene('rw', async (box) => {
      await mkdir(join(box, 'real'))
      await writeFile(join(box, 'real', 'f'), '')
      await symlink('real/f', join(box, 'way'))
    })
    await s.guest.stat('way')
    expect(s.guest.session.summaries).toEqual([{ path: '/box/real/f' }])
    await s.guest.read('way')
    expect(s.guest.session.summaries.at(-1)).toEqual({ path: '/box/real/f' })
  })

  test('links that go round end', async () => {
    await using s = await scene('rw', async (box) => {
      await symlink('b', join(box, 'a'))
      await symlink('a', join(box, 'b'))
      await symlink('c/c/c/c', join(box, 'c'))
    })
    for (const path of ['a', 'a/x', 'c', 'c/x']) expect(await s.guest.read(path)).toBe('loop')
  })
})

describe('A3, A9: absolute links', () => {
  test.each(['/proc/self/environ', '/proc/self/root', '/proc/self/fd/3', '/dev/fd/0', '/etc', '//etc'])(
    'to %s are refused',
    async (target) => {
      await using s = await scene('ro', async (box) => {
        await symlink(target, join(box, 'link'))
        await symlink('link', join(box, 'chain'))
      })
      for (const path of ['link', 'chain', 'link/passwd', 'chain/', 'link/environ']) expect(await s.guest.read(path)).toBe('not-permitted')
      // The target is a host path: reading the link's text would tell it.
      expect(codeOf(await s.guest.session.call('fs.readlink', { dir: s.guest.root(), path: 'link' }))).toBe('not-permitted')
      expect(codeOf(await s.guest.stat('link', false))).toBe('ok')
    },
  )

  test('a link that a guest leaves behind goes down only, so it leads no later tool out, wherever it is moved', async () => {
    await using s = await scene()
    await s.guest.mkdir('a')
    await s.guest.mkdir('a/b')
    expect(codeOf(await s.guest.symlink('../x', 'a/b/l'))).toBe('not-permitted')
    expect(codeOf(await s.guest.symlink('x/../../y', 'a/b/l'))).toBe('not-permitted')
    expect(codeOf(await s.guest.symlink('x/y', 'a/b/l'))).toBe('ok')
    expect(await readlink(join(s.box, 'a/b/l'))).toBe('x/y')
  })
})

describe('S3: a descriptor outlives its name', () => {
  test('a directory that is open, renamed and replaced by a link up stays that directory', async () => {
    await using s = await scene('rw', (box) => mkdir(join(box, 'a')))
    const opened = await s.guest.open('a', { directory: true })
    if (!opened.ok) throw new Error(opened.code)
    expect(codeOf(await s.guest.rename('a', 'b'))).toBe('ok')
    // The guest cannot plant the link itself; a host that does must make no difference either.
    expect(codeOf(await s.guest.symlink('..', 'a'))).toBe('not-permitted')
    await symlink('..', join(s.box, 'a'))
    for (const path of ['out/secret', '../out/secret', '../../out/secret', '../secret']) {
      expect(await s.guest.read(path, {}, opened.handle)).not.toBe('the secret')
      expect(await s.guest.write(path, 'x', opened.handle)).not.toBe('ok')
    }
    expect(await s.guest.write('f', 'fine', opened.handle)).toBe('ok')
    expect(await readFile(join(s.box, 'b', 'f'), 'utf8')).toBe('fine')
    expect(existsSync(join(s.box, 'f'))).toBe(false)
  })

  test('`..` never goes above the directory that the walk began in, even where it would stay in the mount', async () => {
    await using s = await scene('rw', async (box) => {
      await mkdir(join(box, 'a', 'b'), { recursive: true })
      await writeFile(join(box, 'f'), 'in the box')
    })
    const opened = await s.guest.open('a', { directory: true })
    if (!opened.ok) throw new Error(opened.code)
    expect(await s.guest.read('../f', {}, opened.handle)).toBe('not-permitted')
    expect(await s.guest.read('b/../../f', {}, opened.handle)).toBe('not-permitted')
    expect(await s.guest.read('a/../f')).toBe('in the box')
  })

  test('a directory that the host moves out of the mount is no way out', async () => {
    await using s = await scene('rw', (box) => mkdir(join(box, 'a')))
    const opened = await s.guest.open('a', { directory: true })
    if (!opened.ok) throw new Error(opened.code)
    await rename(join(s.box, 'a'), join(s.out, 'a'))
    expect(await s.guest.write('f', 'x', opened.handle)).toBe('no-entry')
    await rename(join(s.out, 'a'), join(s.box, 'a'))
    expect(await s.guest.write('f', 'x', opened.handle)).toBe('ok')
  })
})

describe('A7, A10: odd paths', () => {
  test('trailing slashes ask for a directory and open nothing else', async () => {
    await using s = await scene('rw', async (box) => {
      await symlink('../out', join(box, 'out'))
      await symlink('../out/secret', join(box, 'l'))
      await writeFile(join(box, 'f'), '')
    })
    for (const path of ['out/', 'l/', 'out/.', 'out//', 'l//']) {
      for (const followLinks of [true, false]) expect(codeOf(await s.guest.open(path, { followLinks }))).toBe('not-permitted')
      expect(codeOf(await s.guest.rmdir(path))).not.toBe('ok')
      expect(codeOf(await s.guest.unlink(path))).not.toBe('ok')
      expect(codeOf(await s.guest.rename(path, 'x'))).not.toBe('ok')
    }
    expect(codeOf(await s.guest.open('f/'))).toBe('not-directory')
    expect(codeOf(await s.guest.open('f/.'))).toBe('not-directory')
    expect(codeOf(await s.guest.open('./'))).toBe('ok')
  })

  test.each([
    ['', 'no-entry'],
    ['/', 'not-permitted'],
    ['/etc/passwd', 'not-permitted'],
    ['a\0b', 'invalid'],
    ['../out/secret\0', 'invalid'],
    ['a'.repeat(5000), 'name-too-long'],
    ['a'.repeat(300), 'name-too-long'],
    ['é'.repeat(2049), 'name-too-long'],
    ['d/'.repeat(2000), 'name-too-long'],
    ['\ud800', 'illegal-byte-sequence'],
    ['%2e%2e/out/secret', 'no-entry'],
    ['..%2fout%2fsecret', 'no-entry'],
    ['..\\out\\secret', 'no-entry'],
    ['..;/out/secret', 'no-entry'],
    ['.../out/secret', 'no-entry'],
    ['..', 'not-permitted'],
    ['../', 'not-permitted'],
    ['../box', 'not-permitted'],
    ['.//..//out//secret', 'not-permitted'],
  ])('the path %j is %s', async (path, code) => {
    await using s = await scene()
    expect(await s.guest.read(path)).toBe(code)
    expect(codeOf(await s.guest.create(path))).not.toBe(code === 'no-entry' && path !== '' ? '' : 'ok')
  })

  test('a backslash is a character of a name', async () => {
    await using s = await scene()
    expect(await s.guest.write('a\\b', 'x')).toBe('ok')
    expect(readdirSync(s.box)).toEqual(['a\\b'])
  })

  test('property: no path of odd pieces ever reads the secret or names anything outside', async () => {
    await using s = await scene('rw', async (box) => {
      await mkdir(join(box, 'd', 'e'), { recursive: true })
      await symlink('../out', join(box, 'l'))
      await symlink('..', join(box, 'd', 'up'))
      await symlink('../..', join(box, 'd', 'e', 'out'))
    })
    const piece = fc.constantFrom('..', '.', '', 'd', 'e', 'l', 'up', 'out', 'box', 'secret', '...', '%2e%2e', '\\', 'x')
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 9 }), fc.boolean(), async (pieces, followLinks) => {
        const path = pieces.join('/')
        expect(await s.guest.read(path, { followLinks })).not.toBe('the secret')
        const flags = { followLinks, create: true, write: true }
        const opened = await s.guest.open(path, flags)
        if (opened.ok) await s.guest.session.call('fs.close', { handle: opened.handle })
        await s.guest.unlink(path)
      }),
      { numRuns: 400 },
    )
    expect(readdirSync(s.out)).toEqual(['secret'])
  })
})

describe('A14: what a guest hears of the host', () => {
  test('no code names a path, and the operator is told no host path either', async () => {
    await using s = await scene('ro')
    const answers = [
      await s.guest.open('none'),
      await s.guest.open('../out/secret'),
      await s.guest.mkdir('x'),
      await s.guest.open('a'.repeat(300)),
    ]
    for (const answer of answers) {
      expect(answer.ok).toBe(false)
      expect(JSON.stringify(answer)).not.toContain(s.box)
      expect(JSON.stringify(answer)).not.toContain('/tmp')
    }
  })
})

describe('A12: what the host planted', () => {
  test('a file that has a name outside can be read, but no name of it can be written', async () => {
    await using s = await scene('rw', (box) => link(join(box, '..', 'out', 'secret'), join(box, 'planted')))
    expect(await s.guest.read('planted')).toBe('the secret')
    expect(await s.guest.write('planted', 'x')).toBe('not-permitted')
    expect(codeOf(await s.guest.link('planted', 'second'))).toBe('ok')
    expect(await s.guest.write('second', 'x')).toBe('not-permitted')
    await s.guest.unlink('second')
    await s.guest.link('planted', 'third')
    expect(await s.guest.write('third', 'x')).toBe('not-permitted')
    await s.guest.unlink('planted')
    expect(await s.guest.write('third', 'x')).toBe('not-permitted')
    const times = { dir: s.guest.root(), path: 'third', followLinks: false, accessedNs: '1', modifiedNs: '1' }
    expect(codeOf(await s.guest.session.call('fs.set-times-at', times))).toBe('not-permitted')
  })

  test('a file that the guest itself gave a second name is its own to write', async () => {
    await using s = await scene()
    await s.guest.write('mine', 'one')
    expect(codeOf(await s.guest.link('mine', 'also'))).toBe('ok')
    expect(await s.guest.write('also', 'two')).toBe('ok')
    expect(await s.guest.read('mine')).toBe('two')
  })
})
