import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, type MountedGuest, type MountWish, okOf } from './mounted-guest.ts'

/** Makes a guest with an empty mount `/box` of one kind, changed as asked. */
export type MakeBox = (wish?: Partial<MountWish>) => Promise<MountedGuest & AsyncDisposable>

const now = (): number => Date.now()
const nanoseconds = (stat: Readonly<Record<string, unknown>>, field: string): bigint => BigInt(String(stat[field]))

/** What every kind of mount must do, asked as a guest asks: through the wire's operations. */
export const mountContract = (kind: string, make: MakeBox): void => {
  describe(`${kind}: files`, () => {
    test('what is written is read back, at any offset, with holes of zeroes', async () => {
      await using box = await make()
      const { handle } = okOf(await box.create('f'))
      const write = (offset: number | null, text: string) => box.session.call('fs.write', { handle, offset }, text)
      const read = async (offset: number, length: number): Promise<string> =>
        new TextDecoder().decode(okOf(await box.session.call('fs.read', { handle, offset, length })).body)
      expect(okOf(await write(0, 'hello')).value).toEqual({ written: 5 })
      expect(okOf(await write(70_000, 'far')).value).toEqual({ written: 3 })
      expect(okOf(await write(null, ' end')).value).toEqual({ written: 4 })
      expect(okOf(await write(1, 'E')).value).toEqual({ written: 1 })
      expect(okOf(await write(9, '')).value).toEqual({ written: 0 })
      expect(await read(0, 7)).toBe('hEllo\0\0')
      expect(await read(69_999, 100)).toBe('\0far end')
      expect(await read(70_007, 1)).toBe('')
      expect(await read(1_000_000, 1)).toBe('')
      expect(await read(0, 0)).toBe('')
      expect(okOf(await box.stat('f')).value).toMatchObject({ type: 'regular-file', size: 70_007, linkCount: 1 })
    })

    test('sizes are set both ways, and what was cut off does not come back', async () => {
      await using box = await make()
      await box.write('f', 'x'.repeat(100_000))
      const { handle } = okOf(await box.open('f', { write: true }))
      const resize = (size: number) => box.session.call('fs.set-size', { handle, size })
      for (const size of [70_000, 3, 100_000]) okOf(await resize(size))
      expect(okOf(await box.stat('f')).value['size']).toBe(100_000)
      const { body } = okOf(await box.session.call('fs.read', { handle, offset: 0, length: 100_000 }))
      expect(body.findIndex((byte) => byte === 0)).toBe(3)
      expect(body.lastIndexOf(120)).toBe(2)
      okOf(await resize(0))
      expect(await box.read('f')).toBe('')
    })

    test('property: any writes, cuts and appends leave what the same do to an array', async () => {
      const step = fc.oneof(
        fc.record({
          op: fc.constant('write' as const),
          at: fc.nat(200_000),
          length: fc.nat(70_000),
          byte: fc.integer({ min: 1, max: 255 }),
        }),
        fc.record({
          op: fc.constant('append' as const),
          at: fc.constant(0),
          length: fc.nat(70_000),
          byte: fc.integer({ min: 1, max: 255 }),
        }),
        fc.record({ op: fc.constant('size' as const), at: fc.nat(200_000), length: fc.constant(0), byte: fc.constant(0) }),
      )
      await using box = await make()
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const { handle } = okOf(await box.open('p', { create: true, write: true, truncate: true }))
          let model = new Uint8Array()
          for (const { op, at, length, byte } of steps) {
            const start = op === 'append' ? model.length : at
            const size = op === 'size' ? at : length === 0 ? model.length : Math.max(model.length, start + length)
            const grown = new Uint8Array(size)
            grown.set(model.subarray(0, size))
            model = grown
            if (op === 'size') okOf(await box.session.call('fs.set-size', { handle, size: at }))
            else {
              model.fill(byte, start, start + length)
              const bytes = new Uint8Array(length).fill(byte)
              okOf(await box.session.call('fs.write', { handle, offset: op === 'append' ? null : at }, bytes))
            }
          }
          const got: number[] = []
          for (let offset = 0; offset <= model.length; offset += 100_000) {
            got.push(...okOf(await box.session.call('fs.read', { handle, offset, length: 100_000 })).body)
          }
          expect(Buffer.from(got).equals(Buffer.from(model))).toBe(true)
          okOf(await box.session.call('fs.close', { handle }))
          box.session.ingressLeft = box.session.egressLeft = 2 ** 40
        }),
        { numRuns: 15 },
      )
    })

    test('an open file is itself, whatever becomes of its name', async () => {
      await using box = await make()
      await box.write('f', 'old')
      const { handle } = okOf(await box.open('f', { write: true }))
      okOf(await box.unlink('f'))
      await box.write('f', 'new')
      okOf(await box.session.call('fs.write', { handle, offset: null }, '!'))
      const read = okOf(await box.session.call('fs.read', { handle, offset: 0, length: 9 }))
      expect(new TextDecoder().decode(read.body)).toBe('old!')
      expect(okOf(await box.session.call('fs.stat', { handle })).value).toMatchObject({ size: 4, linkCount: 0 })
      expect(await box.read('f')).toBe('new')
    })

    test('a file is brought to stable storage, and so is a directory', async () => {
      await using box = await make()
      for (const sync of ['none', 'data', 'file'] as const) {
        const { handle } = okOf(await box.open('f', { create: true, write: true, sync }))
        okOf(await box.session.call('fs.write', { handle, offset: 0 }, sync))
        for (const dataOnly of [true, false]) okOf(await box.session.call('fs.sync', { handle, dataOnly }))
      }
      for (const dataOnly of [true, false]) okOf(await box.session.call('fs.sync', { handle: box.root(), dataOnly }))
      const { handle } = okOf(await box.open('f'))
      okOf(await box.session.call('fs.sync', { handle, dataOnly: false }))
    })
  })

  describe(`${kind}: opening`, () => {
    test.each([
      ['missing', {}, 'no-entry'],
      ['missing/f', { create: true, write: true }, 'no-entry'],
      ['f/below', {}, 'not-directory'],
      ['f/', {}, 'not-directory'],
      ['f', { directory: true }, 'not-directory'],
      ['f', { create: true, exclusive: true, write: true }, 'exist'],
      ['d', { create: true, exclusive: true, write: true }, 'exist'],
      ['link', { create: true, exclusive: true, write: true }, 'exist'],
      ['dangling', { create: true, exclusive: true, write: true }, 'exist'],
      ['f', { exclusive: true }, 'ok'],
      ['d', {}, 'ok'],
      ['d/', {}, 'ok'],
      ['d', { directory: true }, 'ok'],
      ['.', {}, 'ok'],
      ['d', { write: true }, 'is-directory'],
      ['d', { create: true, write: true }, 'is-directory'],
      ['.', { write: true }, 'is-directory'],
      ['d', { write: true, truncate: true }, 'is-directory'],
      ['new', { directory: true, create: true, write: true }, 'invalid'],
      ['d', { directory: true, exclusive: true }, 'invalid'],
      ['d', { directory: true, truncate: true, write: true }, 'invalid'],
      ['f', { truncate: true }, 'invalid'],
      ['new/', { create: true, write: true }, 'is-directory'],
      ['link', {}, 'ok'],
      ['link', { followLinks: false }, 'loop'],
      ['link', { followLinks: false, directory: true }, 'not-directory'],
      ['link', { followLinks: false, write: true }, 'loop'],
      ['dangling', {}, 'no-entry'],
      ['dangling', { create: true, write: true }, 'ok'],
      ['round', {}, 'loop'],
      ['round/f', {}, 'loop'],
      ['way/g', { followLinks: false }, 'ok'],
      ['way', { followLinks: false }, 'loop'],
      ['way/', { followLinks: false }, 'ok'],
      ['', {}, 'no-entry'],
      ['/f', {}, 'not-permitted'],
      ['..', {}, 'not-permitted'],
      ['d/../../f', {}, 'not-permitted'],
      ['d/../f', {}, 'ok'],
      ['d/.././d//g', {}, 'ok'],
      ['f\0', {}, 'invalid'],
      ['n'.repeat(255), { create: true, write: true }, 'ok'],
      ['n'.repeat(256), { create: true, write: true }, 'name-too-long'],
      ['n'.repeat(256), {}, 'name-too-long'],
      [`${'é'.repeat(127)}n`, { create: true, write: true }, 'ok'],
      ['é'.repeat(128), { create: true, write: true }, 'name-too-long'],
      ['\ud800', { create: true, write: true }, 'illegal-byte-sequence'],
    ])('`%s` with %j is %s', async (path, flags, code) => {
      await using box = await make()
      await box.write('f', 'file')
      await box.mkdir('d')
      await box.write('d/g', 'deep')
      for (const [target, name] of [
        ['f', 'link'],
        ['nowhere', 'dangling'],
        ['round', 'round'],
        ['d', 'way'],
      ] as const) {
        okOf(await box.symlink(target, name))
      }
      expect(codeOf(await box.open(path, flags))).toBe(code)
      expect([await box.read('f'), await box.read('way/g')]).toEqual(['file', 'deep'])
    })

    test('creating finds what is there, and truncating empties it', async () => {
      await using box = await make()
      await box.write('f', 'content')
      okOf(await box.open('f', { create: true, write: true }))
      expect(await box.read('f')).toBe('content')
      okOf(await box.open('f', { create: true, truncate: true, write: true }))
      expect(await box.read('f')).toBe('')
    })

    test('a handle is no use for what it was not opened for', async () => {
      await using box = await make()
      const writing = okOf(await box.open('f', { create: true, write: true, read: false })).handle
      const reading = okOf(await box.open('f')).handle
      const call = box.session.call.bind(box.session)
      expect(codeOf(await call('fs.read', { handle: writing, offset: 0, length: 1 }))).toBe('bad-descriptor')
      expect(codeOf(await call('fs.write', { handle: reading, offset: 0 }, 'x'))).toBe('bad-descriptor')
      expect(codeOf(await call('fs.set-size', { handle: reading, size: 0 }))).toBe('bad-descriptor')
      expect(codeOf(await call('fs.list', { handle: reading, after: null }))).toBe('not-directory')
      expect(codeOf(await call('fs.read', { handle: box.root(), offset: 0, length: 1 }))).toBe('is-directory')
      expect(codeOf(await box.stat('x', true, reading))).toBe('not-directory')
      expect(codeOf(await box.mkdir('x', reading))).toBe('not-directory')
      okOf(await call('fs.close', { handle: reading }))
      expect(codeOf(await call('fs.stat', { handle: reading }))).toBe('bad-descriptor')
    })
  })

  describe(`${kind}: names`, () => {
    test('are made, listed and removed, each kind by its own call', async () => {
      await using box = await make()
      okOf(await box.mkdir('d'))
      okOf(await box.mkdir('e/'))
      await box.write('f', 'x')
      okOf(await box.symlink('f', 'l'))
      expect(okOf(await box.session.call('fs.list', { handle: box.root(), after: null })).value).toEqual({
        entries: [
          ['d', 'directory'],
          ['e', 'directory'],
          ['f', 'regular-file'],
          ['l', 'symbolic-link'],
        ],
        more: false,
      })
      for (const path of ['d', 'd/', 'f', 'l', '.']) expect([path, codeOf(await box.mkdir(path))]).toEqual([path, 'exist'])
      expect(codeOf(await box.mkdir('f/x'))).toBe('not-directory')
      expect(codeOf(await box.mkdir('none/x'))).toBe('no-entry')
      expect(codeOf(await box.mkdir('n'.repeat(256)))).toBe('name-too-long')
      for (const [path, code] of [
        ['f', 'not-directory'],
        ['f/', 'not-directory'],
        ['l', 'not-directory'],
        ['none', 'no-entry'],
        ['.', 'invalid'],
        ['', 'no-entry'],
      ] as const)
        expect([path, codeOf(await box.rmdir(path))]).toEqual([path, code])
      for (const [path, code] of [
        ['d', 'is-directory'],
        ['d/', 'is-directory'],
        ['.', 'is-directory'],
        ['f/', 'not-directory'],
        ['none', 'no-entry'],
        ['', 'no-entry'],
      ] as const)
        expect([path, codeOf(await box.unlink(path))]).toEqual([path, code])
      await box.write('d/f', 'x')
      expect(codeOf(await box.rmdir('d'))).toBe('not-empty')
      okOf(await box.unlink('d/f'))
      for (const path of ['d', 'e/']) okOf(await box.rmdir(path))
      for (const path of ['l', 'f']) okOf(await box.unlink(path))
      expect(await box.names()).toEqual([])
    })

    test('of every kind of character are kept as they are', async () => {
      await using box = await make()
      const names = ['a\\b', ' ', '…', '.hidden', '..x', 'é', 'e\u0301', 'ß', 'SS', '__proto__', 'constructor', '\u0001', '💾', '\ufeff']
      for (const name of names) expect(await box.write(name, `in ${name}`)).toBe('ok')
      expect(await box.names()).toEqual(names.toSorted())
      for (const name of names) expect(await box.read(name)).toBe(`in ${name}`)
    })

    test('move as rename(2) says', async () => {
      await using box = await make()
      for (const folder of ['d', 'd/sub', 'empty', 'full']) okOf(await box.mkdir(folder))
      await box.write('full/x', '')
      await box.write('f', 'f')
      await box.write('g', 'g')
      okOf(await box.symlink('f', 'l'))
      const codes: [string, string, string][] = [
        ['none', 'x', 'no-entry'],
        ['f', 'none/x', 'no-entry'],
        ['f', 'g/x', 'not-directory'],
        ['f', 'd', 'is-directory'],
        ['f', 'x/', 'not-directory'],
        ['f/', 'x', 'not-directory'],
        ['d', 'f', 'not-directory'],
        ['d', 'full', 'not-empty'],
        ['d', 'd/sub/x', 'invalid'],
        ['d', 'd/sub', 'invalid'],
        ['d/sub', 'd', 'not-empty'],
        ['.', 'x', 'busy'],
        ['f', '.', 'busy'],
        ['f', '../x', 'not-permitted'],
        ['f', 'n'.repeat(256), 'name-too-long'],
        ['f', '', 'no-entry'],
        ['f', 'f', 'ok'],
        ['d', 'd', 'ok'],
        ['d', 'empty', 'ok'],
        ['empty/', 'd2/', 'ok'],
        ['l', 'g', 'ok'],
        ['f', 'd2/sub/f', 'ok'],
      ]
      for (const [from, to, code] of codes) expect([from, to, codeOf(await box.rename(from, to))]).toEqual([from, to, code])
      expect(await box.names()).toEqual(['d2', 'full', 'g'])
      expect(okOf(await box.readlink('g')).value['target']).toBe('f')
      expect(await box.read('d2/sub/f')).toBe('f')
    })

    test('of one file may be many: they show the same bytes, and go one by one', async () => {
      await using box = await make()
      await box.write('f', 'one')
      okOf(await box.mkdir('d'))
      okOf(await box.symlink('f', 'l'))
      okOf(await box.link('f', 'd/g'))
      for (const [from, to, code] of [
        ['f', 'd/g', 'exist'],
        ['f', 'f', 'exist'],
        ['f', 'd', 'exist'],
        ['f', 'l', 'exist'],
        ['none', 'x', 'no-entry'],
        ['d', 'x', 'not-permitted'],
        ['.', 'x', 'not-permitted'],
        ['f', 'x/', 'no-entry'],
        ['f', 'd/', 'exist'],
        ['f/', 'x', 'not-directory'],
        ['f', '.', 'exist'],
        ['', 'x', 'no-entry'],
        ['f', '', 'no-entry'],
      ] as const)
        expect([from, to, codeOf(await box.link(from, to))]).toEqual([from, to, code])
      okOf(await box.link('l', 'l2'))
      expect(okOf(await box.stat('l2', false)).value).toMatchObject({ type: 'symbolic-link', linkCount: 2 })
      await box.write('d/g', 'two')
      expect(await box.read('f')).toBe('two')
      const [f, g] = [okOf(await box.stat('f')).value, okOf(await box.stat('d/g')).value]
      expect(f).toEqual(g)
      expect(f).toMatchObject({ linkCount: 2 })
      okOf(await box.rename('f', 'd/g'))
      expect([await box.read('f'), await box.read('d/g')]).toEqual(['two', 'two'])
      okOf(await box.unlink('f'))
      expect(okOf(await box.stat('d/g')).value).toMatchObject({ linkCount: 1, size: 3 })
    })

    test('of links: text as written, down only, relative only', async () => {
      await using box = await make()
      okOf(await box.mkdir('d'))
      await box.write('d/f', 'deep')
      okOf(await box.symlink('d//./f', 'l'))
      expect(okOf(await box.readlink('l')).value['target']).toBe('d//./f')
      expect(okOf(await box.stat('l', false)).value).toMatchObject({ type: 'symbolic-link', size: 6 })
      expect(okOf(await box.stat('l')).value).toMatchObject({ type: 'regular-file', size: 4 })
      expect(await box.read('l')).toBe('deep')
      for (const [target, path, code] of [
        ['/etc', 'x', 'not-permitted'],
        ['../x', 'x', 'not-permitted'],
        ['d/../..', 'x', 'not-permitted'],
        ['', 'x', 'no-entry'],
        ['f', 'l', 'exist'],
        ['f', 'd', 'exist'],
        ['f', 'x/', 'no-entry'],
        ['f', 'd/', 'exist'],
        ['f', 'd/f/', 'not-directory'],
        ['f', '.', 'exist'],
        ['f', '../x', 'not-permitted'],
        ['f', 'none/x', 'no-entry'],
      ] as const)
        expect([target, path, codeOf(await box.symlink(target, path))]).toEqual([target, path, code])
      for (const [path, code] of [
        ['d', 'invalid'],
        ['d/f', 'invalid'],
        ['none', 'no-entry'],
        ['.', 'invalid'],
      ] as const)
        expect([path, codeOf(await box.readlink(path))]).toEqual([path, code])
    })

    test('a chain of links is followed so far and no farther', async () => {
      await using box = await make()
      await box.write('l0', 'end')
      for (let index = 1; index <= 40; index += 1) okOf(await box.symlink(`l${index - 1}`, `l${index}`))
      expect([await box.read('l32'), await box.read('l33')]).toEqual(['end', 'loop'])
    })

    test('deep trees end', async () => {
      await using box = await make()
      let dir = box.root()
      let depth = 0
      for (; depth < 400; depth += 1) {
        if (!(await box.mkdir('d', dir)).ok) break
        dir = okOf(await box.open('d', { directory: true }, dir)).handle
      }
      expect(depth).toBeGreaterThan(100)
      expect(depth).toBeLessThan(300)
      expect(codeOf(await box.stat('d/'.repeat(140)))).toBe('name-too-long')
    })
  })

  describe(`${kind}: directories that change`, () => {
    test('a listing in pages has what stays exactly once', async () => {
      await using box = await make()
      const folder = okOf(await box.mkdir('many')) && okOf(await box.open('many', { directory: true })).handle
      const names = Array.from({ length: 4200 }, (_, index) => `f${String(index).padStart(5, '0')}`)
      for (const name of names) okOf(await box.symlink('x', name, folder))
      const first = okOf(await box.session.call('fs.list', { handle: folder, after: null })).value
      const entries = first['entries'] as [string, string][]
      expect([entries.length, first['more']]).toEqual([4096, true])
      okOf(await box.unlink('f00000', folder))
      okOf(await box.unlink('f04199', folder))
      okOf(await box.symlink('x', 'a-new-one', folder))
      const rest = okOf(await box.session.call('fs.list', { handle: folder, after: entries.at(-1)?.[0] ?? null })).value
      expect(rest).toMatchObject({ more: false })
      expect([...entries, ...(rest['entries'] as [string, string][])].map(([name]) => name)).toEqual(names.slice(0, -1))
    }, 60_000)

    test('one that is removed while it is open has nothing and takes nothing', async () => {
      await using box = await make()
      okOf(await box.mkdir('d'))
      const { handle } = okOf(await box.open('d', { directory: true }))
      okOf(await box.rmdir('d'))
      expect(codeOf(await box.mkdir('x', handle))).toBe('no-entry')
      expect(codeOf(await box.create('x', handle))).toBe('no-entry')
      expect(codeOf(await box.stat('x', true, handle))).toBe('no-entry')
      expect(await box.names(handle)).toEqual([])
      expect(okOf(await box.session.call('fs.stat', { handle })).value).toMatchObject({ type: 'directory' })
      okOf(await box.mkdir('d'))
      expect(codeOf(await box.stat('.', true, handle))).toBe('no-entry')
    })

    test('one that is moved while it is open stays itself', async () => {
      await using box = await make()
      for (const folder of ['a', 'b']) okOf(await box.mkdir(folder))
      const { handle } = okOf(await box.open('a', { directory: true }))
      okOf(await box.rename('a', 'b/c'))
      okOf(await box.mkdir('a'))
      expect(await box.write('f', 'here', handle)).toBe('ok')
      expect(await box.read('b/c/f')).toBe('here')
      expect(codeOf(await box.stat('a/f'))).toBe('no-entry')
      expect(codeOf(await box.open('../x', {}, handle))).toBe('not-permitted')
    })
  })

  describe(`${kind}: times and identity`, () => {
    test('times tell when something changed, and can be set', async () => {
      await using box = await make()
      const before = BigInt(now() - 2000) * 1_000_000n
      await box.write('f', 'x')
      const stat = okOf(await box.stat('f')).value
      for (const field of ['accessedNs', 'modifiedNs', 'changedNs']) expect(nanoseconds(stat, field)).toBeGreaterThan(before)
      const set = (path: string, followLinks: boolean, accessedNs: string | null, modifiedNs: string | null) =>
        box.session.call('fs.set-times-at', { dir: box.root(), path, followLinks, accessedNs, modifiedNs })
      okOf(await box.symlink('f', 'l'))
      okOf(await set('f', false, '42000000000', '69000000500'))
      expect(okOf(await box.stat('f')).value).toMatchObject({ accessedNs: '42000000000', size: 1 })
      okOf(await set('l', true, null, '7000000000'))
      expect(okOf(await box.stat('f')).value).toMatchObject({ accessedNs: '42000000000', modifiedNs: '7000000000' })
      okOf(await set('l', false, '9000000000', '9000000000'))
      expect(okOf(await box.stat('l', false)).value).toMatchObject({ modifiedNs: '9000000000' })
      expect(okOf(await box.stat('f')).value).toMatchObject({ modifiedNs: '7000000000' })
      okOf(await set('.', false, '5000000000', '5000000000'))
      expect(okOf(await box.stat('.')).value).toMatchObject({ modifiedNs: '5000000000' })
      for (const [path, code] of [
        ['none', 'no-entry'],
        ['..', 'not-permitted'],
        ['f/', 'not-directory'],
        ['', 'no-entry'],
      ] as const)
        expect([path, codeOf(await set(path, true, '1', '1'))]).toEqual([path, code])
      expect(codeOf(await set('f', true, '9'.repeat(20), null))).toBe('overflow')
      const { handle } = okOf(await box.open('f', { write: true }))
      okOf(await box.session.call('fs.write', { handle, offset: 0 }, 'y'))
      expect(nanoseconds(okOf(await box.stat('f')).value, 'modifiedNs')).toBeGreaterThan(before)
      for (const each of [handle, box.root()]) {
        okOf(await box.session.call('fs.set-times', { handle: each, accessedNs: '3000000000', modifiedNs: null }))
        expect(okOf(await box.session.call('fs.stat', { handle: each })).value).toMatchObject({ accessedNs: '3000000000' })
      }
    })

    test('a directory is modified when its names are', async () => {
      await using box = await make()
      okOf(await box.mkdir('d'))
      const stamp = async (): Promise<void> => {
        okOf(
          await box.session.call('fs.set-times-at', {
            dir: box.root(),
            path: 'd',
            followLinks: false,
            accessedNs: '1',
            modifiedNs: '1000000000',
          }),
        )
      }
      const isModified = async (): Promise<boolean> => okOf(await box.stat('d')).value['modifiedNs'] !== '1000000000'
      for (const change of [
        () => box.create('d/f'),
        () => box.link('d/f', 'd/g'),
        () => box.rename('d/g', 'd/h'),
        () => box.symlink('x', 'd/l'),
        () => box.mkdir('d/e'),
        () => box.rmdir('d/e'),
        () => box.unlink('d/h'),
      ]) {
        await stamp()
        okOf(await change())
        expect(await isModified()).toBe(true)
      }
      await stamp()
      await box.read('d/f')
      expect(await isModified()).toBe(false)
    })

    test('an object is known by every name, through renames, and is never another', async () => {
      await using box = await make()
      await box.write('f', '')
      await box.write('g', '')
      okOf(await box.link('f', 'h'))
      okOf(await box.mkdir('d'))
      const identity = async (path: string): Promise<unknown> => okOf(await box.stat(path)).value['identity']
      const f = await identity('f')
      expect(await identity('h')).toBe(f)
      expect(new Set([f, await identity('g'), await identity('d'), await identity('.')]).size).toBe(4)
      okOf(await box.rename('f', 'd/f'))
      expect(await identity('d/f')).toBe(f)
      const { handle } = okOf(await box.open('h'))
      expect(okOf(await box.session.call('fs.stat', { handle })).value['identity']).toBe(f)
      expect(String(f)).toMatch(/^[0-9a-f]{32}$/)
    })
  })
}
