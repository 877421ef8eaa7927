import { existsSync, readdirSync } from 'node:fs'
import { link, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import { createFsProvider } from '#host/providers/fs/fs-provider.ts'
import { fsRule, GuestSession, policyOf } from '../guest-session.ts'
import { codeOf, mountedGuest, okOf, scratchFolder } from './mounted-guest.ts'

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

describe('reading and writing', () => {
  test('a file that a guest writes is on the disk, and reads back the same', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    expect(await guest.write('report.md', 'hello')).toBe('ok')
    expect(await readFile(join(folder.path, 'report.md'), 'utf8')).toBe('hello')
    expect(await guest.read('report.md')).toBe('hello')
  })

  test('reads give what is at the offset, at most the length, and nothing at the end', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'f'), '0123456789')
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    const { handle } = okOf(await guest.open('f'))
    const read = async (offset: number, length: number): Promise<string> => {
      const { body } = okOf(await guest.session.call('fs.read', { handle, offset, length }))
      // Nothing else lies in its memory: it may go to another thread with all of that.
      expect(new Uint8Array(body.buffer).reduce((sum, byte) => sum + byte, 0)).toBe(body.reduce((sum, byte) => sum + byte, 0))
      return new TextDecoder().decode(body)
    }
    expect(await read(2, 3)).toBe('234')
    expect(await read(8, 100)).toBe('89')
    expect(await read(10, 100)).toBe('')
  })

  test('an append goes to the end, also many at once', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    const { handle } = okOf(await guest.create('log'))
    const lines = Array.from({ length: 40 }, (_, index) => `line ${String(index).padStart(2, '0')}\n`)
    await Promise.all(lines.map((line) => guest.session.call('fs.write', { handle, offset: null }, line)))
    const written = await readFile(join(folder.path, 'log'), 'utf8')
    expect(written.split('\n').filter(Boolean).sort()).toEqual(lines.map((line) => line.trim()))
  })

  test('reads stop at what the session may still bring in', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'f'), '0123456789')
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    guest.session.ingressLeft = 4
    expect(await guest.read('f')).toBe('0123')
    expect(await guest.read('f')).toBe('quota')
  })

  test('create, exclusive, truncate and directory mean what open(2) says', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'old'), 'content')
    await mkdir(join(folder.path, 'd'))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    expect(codeOf(await guest.open('missing'))).toBe('no-entry')
    expect(codeOf(await guest.open('old', { create: true, exclusive: true, write: true }))).toBe('exist')
    expect(codeOf(await guest.open('old', { directory: true }))).toBe('not-directory')
    expect(codeOf(await guest.open('d', { write: true }))).toBe('is-directory')
    expect(codeOf(await guest.open('new/', { create: true, write: true }))).toBe('is-directory')
    expect(codeOf(await guest.open('old', { truncate: true }))).toBe('invalid')
    expect(codeOf(await guest.open('old', { write: true, truncate: true }))).toBe('ok')
    expect(await readFile(join(folder.path, 'old'), 'utf8')).toBe('')
    expect(existsSync(join(folder.path, 'new'))).toBe(false)
  })

  test('a file opened to read cannot be written, and one opened to write cannot be read', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    const writing = okOf(await guest.open('f', { create: true, write: true, read: false })).handle
    expect(codeOf(await guest.session.call('fs.read', { handle: writing, offset: 0, length: 1 }))).toBe('bad-descriptor')
    const reading = okOf(await guest.open('f')).handle
    expect(codeOf(await guest.session.call('fs.write', { handle: reading, offset: 0 }, 'x'))).toBe('bad-descriptor')
    expect(codeOf(await guest.session.call('fs.set-size', { handle: reading, size: 0 }))).toBe('bad-descriptor')
  })
})

describe('directories and names', () => {
  test('a listing is sorted and typed', async () => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'b'))
    await writeFile(join(folder.path, 'a'), '')
    await symlink('a', join(folder.path, 'c'))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    const listed = okOf(await guest.session.call('fs.list', { handle: guest.root(), after: null }))
    expect(listed.value['entries']).toEqual([
      ['a', 'regular-file'],
      ['b', 'directory'],
      ['c', 'symbolic-link'],
    ])
  })

  test('names are made, moved, linked and removed', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    expect(codeOf(await guest.mkdir('d/'))).toBe('ok')
    expect(codeOf(await guest.mkdir('d'))).toBe('exist')
    expect(await guest.write('d/f', 'x')).toBe('ok')
    expect(codeOf(await guest.rename('d/f', 'g'))).toBe('ok')
    expect(codeOf(await guest.link('g', 'd/h'))).toBe('ok')
    expect(await guest.read('d/h')).toBe('x')
    expect(codeOf(await guest.rmdir('d'))).toBe('not-empty')
    expect(codeOf(await guest.unlink('d'))).toBe('is-directory')
    expect(codeOf(await guest.unlink('g/'))).toBe('not-directory')
    expect(codeOf(await guest.unlink('d/h'))).toBe('ok')
    expect(codeOf(await guest.rmdir('d'))).toBe('ok')
    expect(codeOf(await guest.symlink('g', 'l'))).toBe('ok')
    expect(await guest.read('l')).toBe('x')
    expect(codeOf(await guest.open('l', { followLinks: false }))).toBe('loop')
    expect(okOf(await guest.session.call('fs.readlink', { dir: guest.root(), path: 'l' })).value['target']).toBe('g')
    expect(readdirSync(folder.path).sort()).toEqual(['g', 'l'])
  })

  test('a stat tells size, times and type, and an identity that is the same by every name and never the inode', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'f'), '12345')
    await link(join(folder.path, 'f'), join(folder.path, 'g'))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    const one = okOf(await guest.stat('f')).value
    const other = okOf(await guest.stat('g')).value
    expect(one).toMatchObject({ type: 'regular-file', size: 5, linkCount: 2 })
    expect(one['identity']).toBe(other['identity'])
    const real = await stat(join(folder.path, 'f'), { bigint: true })
    expect(one['modifiedNs']).toBe(real.mtimeNs.toString())
    expect(one['identity']).not.toContain(real.ino.toString())
    await using again = await mountedGuest({ '/box': { hostPath: folder.path, mode: 'ro' } })
    expect(okOf(await again.stat('f')).value['identity']).not.toBe(one['identity'])
  })

  test('times are set on a file, on a link itself, and through a link, as asked', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    await guest.write('f', '')
    await guest.symlink('f', 'l')
    const setTimes = (path: string, followLinks: boolean, seconds: string): ReturnType<typeof guest.stat> =>
      guest.session.call('fs.set-times-at', { dir: guest.root(), path, followLinks, accessedNs: null, modifiedNs: `${seconds}000000000` })
    const mtimeOf = async (path: string): Promise<unknown> => okOf(await guest.stat(path, false)).value['modifiedNs']
    expect(codeOf(await setTimes('l', false, '100'))).toBe('ok')
    expect([await mtimeOf('l'), (await mtimeOf('f')) === '100000000000']).toEqual(['100000000000', false])
    expect(codeOf(await setTimes('l', true, '200'))).toBe('ok')
    expect([await mtimeOf('l'), await mtimeOf('f')]).toEqual(['100000000000', '200000000000'])
    const { handle } = okOf(await guest.open('f'))
    expect(codeOf(await guest.session.call('fs.set-times', { handle, accessedNs: null, modifiedNs: '300000000000' }))).toBe('ok')
    expect(await mtimeOf('f')).toBe('300000000000')
    expect(codeOf(await setTimes('f', true, '99999999999'))).toBe('overflow')
  })

  test('the most specific mount wins on the way, and names never move across mounts', async () => {
    await using outer = await scratchFolder()
    await using inner = await scratchFolder()
    await mkdir(join(outer.path, 'in'))
    await writeFile(join(outer.path, 'in', 'f'), 'hidden by the inner mount')
    await writeFile(join(inner.path, 'f'), 'inner')
    await using guest = await mountedGuest({ '/box': { hostPath: outer.path }, '/box/in': { hostPath: inner.path, mode: 'ro' } })
    expect(await guest.read('in/f')).toBe('inner')
    expect(await guest.read('in/../in/f')).toBe('inner')
    expect(await guest.write('in/f', 'no')).toBe('not-permitted')
    expect(codeOf(await guest.rename('in', 'out'))).not.toBe('ok')
    await guest.write('g', 'x')
    expect(codeOf(await guest.rename('g', 'in/g'))).not.toBe('ok')
    expect(readdirSync(inner.path)).toEqual(['f'])
  })
})

describe('ends well', () => {
  test('a closed session leaves no descriptor open', async () => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'a', 'b'), { recursive: true })
    await writeFile(join(folder.path, 'a', 'b', 'f'), 'x')
    const before = openDescriptors()
    {
      await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
      const calls = Array.from({ length: 50 }, () => guest.open('a/b/f'))
      await Promise.all([...calls, guest.open('a/b/none'), guest.open('../x'), guest.write('new', 'y')])
      expect(openDescriptors()).toBeGreaterThan(before)
    }
    expect(openDescriptors()).toBe(before)
  })

  test('closing waits for the work under way, and later work is refused', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    const { handle } = okOf(await guest.create('f'))
    const open = guest.session.handle(handle)
    const writes = Promise.all(Array.from({ length: 10 }, () => guest.session.call('fs.write', { handle, offset: null }, 'x'.repeat(1000))))
    await open.close()
    expect((await writes).every((answer) => answer.ok)).toBe(true)
    expect(codeOf(await guest.session.call('fs.write', { handle, offset: 0 }, 'x'))).toBe('bad-descriptor')
    expect(open.summary()).toMatchObject({ path: '/box/f', bytesWritten: 10_000 })
  })

  test('calls of a session that is over are refused', async () => {
    await using folder = await scratchFolder()
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    guest.session.abort()
    expect(codeOf(await guest.create('f'))).toBe('interrupted')
    expect(existsSync(join(folder.path, 'f'))).toBe(false)
  })
})

describe('mounts that cannot be had', () => {
  const refusal = async (rules: Parameters<typeof createFsProvider>[1]): Promise<unknown> =>
    createFsProvider(new GuestSession(policyOf({ fs: rules })), rules).then(
      () => 'mounted',
      (error: unknown) => (error instanceof CordonError ? error.code : error),
    )

  test('a missing folder, a file, a rule without folder and a doubled guest path are refused, with nothing left open', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'f'), '')
    const before = openDescriptors()
    expect(await refusal([fsRule('/a', 'ro', { hostPath: join(folder.path, 'none') })])).toBe('mount.invalid')
    expect(await refusal([fsRule('/a', 'ro', { hostPath: join(folder.path, 'f') })])).toBe('mount.invalid')
    expect(await refusal([fsRule('/a', 'ro')])).toBe('mount.invalid')
    const twice = fsRule('/a', 'ro', { hostPath: folder.path })
    expect(await refusal([twice, twice])).toBe('mount.invalid')
    expect(openDescriptors()).toBe(before)
  })

  test('a folder that a link has taken the place of since policy was read, itself or on the way, is refused', async () => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'elsewhere/below'), { recursive: true })
    await symlink('elsewhere', join(folder.path, 'link'))
    const before = openDescriptors()
    for (const path of ['link', 'link/below'])
      expect(await refusal([fsRule('/a', 'ro', { hostPath: join(folder.path, path) })])).toBe('mount.invalid')
    expect(openDescriptors()).toBe(before)
  })
})
