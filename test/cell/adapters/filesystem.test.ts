import { describe, expect, it } from 'vitest'
import { bytes, errOf, importsOf, MemoryWorld, settled, text, type Descriptor } from './memory-world.ts'

const tree = { inbox: { 'a.txt': 'first', 'b.txt': 'second' }, out: {} }
const rootOf = (world: MemoryWorld): Descriptor => {
  const [first] = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
  if (first === undefined) throw new Error('expected a preopen')
  return first[0]
}
/** The flags that are set. */
const flagsOf = (descriptor: Descriptor | undefined): string[] =>
  Object.entries(descriptor?.getFlags() ?? {}).flatMap(([name, set]) => (set ? [name] : []))
const readable = { read: true }
const writable = { write: true }

describe('a descriptor', () => {
  it('shows the mounts by their guest paths and never closes them', async () => {
    const world = new MemoryWorld(tree)
    const directories = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
    expect(directories.map(([, path]) => path)).toEqual(['/data'])
    expect(directories[0]?.[0].getType()).toBe('directory')
    expect(flagsOf(directories[0]?.[0])).toEqual(['read', 'mutateDirectory'])
    directories[0]?.[0][Symbol.dispose]()
    await settled()
    expect(world.host.closed).toEqual([])
    expect((await rootOf(world).statAt({}, 'inbox/a.txt')).size).toBe(5n)
  })

  it('reads and writes at offsets, and says when the end was reached', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const file = await root.openAt({}, 'inbox/a.txt', {}, { read: true, write: true })
    const [some, atEnd] = await file.read(3n, 1n)
    expect([text(some), atEnd]).toEqual(['irs', false])
    expect((await file.read(3n, 5n))[1]).toBe(true)
    expect((await file.read(0n, 0n))[1]).toBe(false)
    expect(await file.write(bytes('LAST'), 1n)).toBe(4n)
    await file.setSize(3n)
    expect(world.host.text('inbox/a.txt')).toBe('fLA')
    await file.sync()
    await file.syncData()
    expect(world.host.calls.slice(-2).map(({ args }) => args)).toMatchObject([{ dataOnly: false }, { dataOnly: true }])
  })

  it('appends by stream', async () => {
    const world = new MemoryWorld(tree)
    const file = await rootOf(world).openAt({}, 'inbox/a.txt', {}, writable)
    await file.appendViaStream().blockingWriteAndFlush(bytes(' and more'))
    expect(world.host.text('inbox/a.txt')).toBe('first and more')
  })

  it('takes at most a chunk in one write and says so', async () => {
    const world = new MemoryWorld(tree)
    const file = await rootOf(world).openAt({}, 'out/f', { create: true }, writable)
    expect(await file.write(new Uint8Array(300_000), 0n)).toBe(262_144n)
  })

  it('passes flags and paths to the host as they are', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    await root.openAt({ symlinkFollow: true }, 'out/x', { create: true, exclusive: true, truncate: true }, { read: true, write: true })
    expect(world.host.calls.at(-1)?.args).toEqual({
      dir: 1,
      path: 'out/x',
      followLinks: true,
      create: true,
      exclusive: true,
      truncate: true,
      directory: false,
      read: true,
      write: true,
      sync: 'none',
    })
    await root.linkAt({}, 'out/x', root, 'out/y')
    expect(world.host.calls.at(-1)?.args).toEqual({ dir: 1, path: 'out/x', toDir: 1, toPath: 'out/y' })
    const calls = world.host.calls.length
    expect(await errOf(() => root.linkAt({ symlinkFollow: true }, 'out/x', root, 'out/y'))).toBe('invalid')
    expect(world.host.calls).toHaveLength(calls)
    await root.symlinkAt('x', 'out/z')
    expect(world.host.calls.at(-1)?.args).toEqual({ dir: 1, target: 'x', path: 'out/z' })
    expect(await root.readlinkAt('out/z')).toBe('to out/z')
    await root.createDirectoryAt('out/d')
    await root.renameAt('out/x', root, 'out/d/x')
    await root.unlinkFileAt('out/d/x')
    await root.removeDirectoryAt('out/d')
    expect(world.host.ops().slice(-4)).toEqual(['fs.mkdir', 'fs.rename', 'fs.unlink', 'fs.rmdir'])
    expect(await errOf(() => root.unlinkFileAt('out/d/x'))).toBe('no-entry')
  })

  it.each([100, 2, 1])('lists a directory once, with types, %i names at a time, also while it changes', async (pageLength) => {
    const world = new MemoryWorld({ inbox: { a: 'first', b: 'second', c: {} } })
    world.host.pageLength = pageLength
    const directory = await rootOf(world).openAt({}, 'inbox', { directory: true }, readable)
    const stream = await directory.readDirectory()
    const other = await directory.readDirectory()
    directory[Symbol.dispose]()
    expect(await stream.readDirectoryEntry()).toEqual({ type: 'regular-file', name: 'a' })
    await rootOf(world).unlinkFileAt('inbox/a')
    await rootOf(world).openAt({}, 'inbox/0', { create: true }, writable)
    expect([await stream.readDirectoryEntry(), await stream.readDirectoryEntry()]).toEqual([
      { type: 'regular-file', name: 'b' },
      { type: 'directory', name: 'c' },
    ])
    expect([await stream.readDirectoryEntry(), await stream.readDirectoryEntry()]).toEqual([undefined, undefined])
    expect((await other.readDirectoryEntry())?.name).toBe('a')
    stream[Symbol.dispose]()
    other[Symbol.dispose]()
    await settled()
    // Three roots and the file that was made.
    expect(world.held).toBe(4)
  })

  it('opens for what was asked, and for what creating and truncating need', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const opened = async (open: Readonly<Record<string, boolean>>, flags: Readonly<Record<string, boolean>>): Promise<unknown> => {
      const descriptor = await root.openAt({}, 'inbox/a.txt', open, flags)
      const { read, write, sync } = (world.host.calls.at(-1)?.args ?? {}) as { read?: boolean; write?: boolean; sync?: string }
      return [flagsOf(descriptor).join(' '), [read && 'read', write && 'write', sync].filter(Boolean).join(' ')]
    }
    expect(await opened({}, {})).toEqual(['read', 'read none'])
    expect(await opened({}, { read: true })).toEqual(['read', 'read none'])
    expect(await opened({}, { write: true })).toEqual(['write', 'write none'])
    expect(await opened({}, { read: true, write: true })).toEqual(['read write', 'read write none'])
    expect(await opened({ create: true }, {})).toEqual(['read write', 'read write none'])
    expect(await opened({ create: true }, { write: true })).toEqual(['write', 'write none'])
    expect(await opened({ truncate: true }, { read: true })).toEqual(['read write', 'read write none'])
    expect(await opened({ exclusive: true }, {})).toEqual(['read', 'read none'])
    expect(await opened({}, { write: true, fileIntegritySync: true })).toEqual(['write fileIntegritySync', 'write file'])
    expect(await opened({}, { write: true, dataIntegritySync: true })).toEqual(['write dataIntegritySync', 'write data'])
    expect(await opened({}, { read: true, requestedWriteSync: true })).toEqual(['read requestedWriteSync', 'read none'])
    // The flag means nothing on a file.
    expect(await opened({}, { read: true, mutateDirectory: true })).toEqual(['read', 'read none'])
    const [plain, mutable] = [{}, { mutateDirectory: true }].map((flags) => root.openAt({}, 'out', { directory: true }, flags))
    expect([flagsOf(await plain), flagsOf(await mutable)]).toEqual([['read'], ['read', 'mutateDirectory']])
  })

  it('says `read-only` where nothing may be changed, after asking the host all the same', async () => {
    const world = new MemoryWorld(tree, { preopens: [{ handle: 1, guestPath: '/data', writable: false }] })
    world.host.writable = false
    const root = rootOf(world)
    const file = await root.openAt({}, 'inbox/a.txt', {}, readable)
    const now = { tag: 'now' } as const
    expect(flagsOf(root)).toEqual(['read'])
    expect(await errOf(() => root.openAt({}, 'inbox', { directory: true }, { mutateDirectory: true }))).toBe('read-only')
    world.host.intercept = () => ({ ok: false, code: 'not-permitted' })
    const before = world.host.calls.length
    const attempts = [
      () => root.openAt({}, 'inbox/a.txt', {}, writable),
      () => root.openAt({}, 'inbox/a.txt', { create: true }, readable),
      () => root.openAt({}, 'inbox/a.txt', { truncate: true }, readable),
      () => root.createDirectoryAt('x'),
      () => root.removeDirectoryAt('out'),
      () => root.unlinkFileAt('inbox/a.txt'),
      () => root.symlinkAt('x', 'y'),
      () => root.renameAt('out', root, 'in'),
      () => root.linkAt({}, 'inbox/a.txt', root, 'x'),
      () => root.setTimesAt({}, 'inbox/a.txt', now, now),
      () => root.setTimes(now, now),
      () => file.setTimes(now, now),
    ]
    for (const attempt of attempts) expect(await errOf(attempt)).toBe('read-only')
    expect(world.host.calls).toHaveLength(before + attempts.length)
    // What only reads is refused for another reason.
    expect(await errOf(() => root.openAt({}, '../x', {}, readable))).toBe('not-permitted')
    expect(await errOf(() => root.readlinkAt('../x'))).toBe('not-permitted')
  })

  it('gives times as datetimes and sets them', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const file = await root.openAt({}, 'inbox/a.txt', {}, { read: true, write: true })
    const timestamp = { tag: 'timestamp', val: { seconds: 7n, nanoseconds: 5 } } as const
    await file.setTimes({ tag: 'no-change' }, timestamp)
    expect(await file.stat()).toMatchObject({
      type: 'regular-file',
      linkCount: 1n,
      dataAccessTimestamp: { seconds: 1n, nanoseconds: 1 },
      dataModificationTimestamp: { seconds: 7n, nanoseconds: 5 },
    })
    await root.setTimesAt({}, 'inbox/a.txt', { tag: 'now' }, { tag: 'no-change' })
    expect(world.host.calls.at(-1)?.args).toMatchObject({ accessedNs: '1700000000123000000', modifiedNs: null, followLinks: false })
    for (const [val, code] of [
      [{ seconds: 2n ** 64n - 1n, nanoseconds: 0 }, 'overflow'],
      [{ seconds: 0n, nanoseconds: 1_000_000_000 }, 'invalid'],
    ] as const) {
      expect(await errOf(() => file.setTimes({ tag: 'timestamp', val }, { tag: 'no-change' }))).toBe(code)
    }
  })

  it('knows the same object by what the host says, not by its path', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const [first, again, other] = [
      await root.openAt({}, 'inbox/a.txt', {}, readable),
      await root.openAt({}, 'inbox/a.txt', {}, readable),
      await root.openAt({}, 'inbox/b.txt', {}, readable),
    ]
    expect(await first.isSameObject(again)).toBe(true)
    expect(await first.isSameObject(other)).toBe(false)
    expect(await first.metadataHash()).toEqual(await root.metadataHashAt({}, 'inbox/a.txt'))
    expect(await first.metadataHash()).not.toEqual(await other.metadataHash())
  })

  it('is not closed on the host while a stream of it lives', async () => {
    const world = new MemoryWorld(tree)
    const file = await rootOf(world).openAt({}, 'inbox/a.txt', {}, readable)
    const stream = file.readViaStream(0n)
    file[Symbol.dispose]()
    await settled()
    expect(text(await stream.blockingRead(9n))).toBe('first')
    stream[Symbol.dispose]()
    await settled()
    expect(world.host.open).toBe(0)
  })
})

describe('what a guest is told of a failure', () => {
  it.each([
    ['no-entry', 'no-entry'],
    ['read-only', 'read-only'],
    ['not-permitted', 'not-permitted'],
    ['denied', 'not-permitted'],
    ['ENOENT /home/user', 'io'],
    ['__proto__', 'io'],
    ['', 'io'],
  ])('for the code `%s` of the host is `%s`', async (code, expected) => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    world.host.intercept = () => ({ ok: false, code })
    expect(await errOf(() => root.openAt({}, 'x', {}, readable))).toBe(expected)
    expect(await errOf(() => root.stat())).toBe(expected)
  })

  it('is decided here where the wire would not take the call', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const file = await root.openAt({}, 'inbox/a.txt', {}, { read: true, write: true })
    const before = world.host.calls.length
    expect(await errOf(() => root.openAt({}, 'x'.repeat(4097), {}, readable))).toBe('name-too-long')
    expect(await errOf(() => root.symlinkAt('x'.repeat(4097), 'y'))).toBe('name-too-long')
    expect(await errOf(() => file.read(1n, 2n ** 63n))).toBe('invalid')
    expect(await errOf(() => file.write(bytes('x'), 2n ** 63n))).toBe('invalid')
    expect(await errOf(() => file.write(bytes('x'), 2n ** 53n))).toBe('file-too-large')
    expect(await errOf(() => file.readViaStream(2n ** 64n - 1n))).toBe('invalid')
    expect(await errOf(() => file.writeViaStream(2n ** 64n - 1n))).toBe('invalid')
    expect(await errOf(() => file.setSize(2n ** 64n - 1n))).toBe('invalid')
    expect(await errOf(() => file.setSize(2n ** 63n - 1n))).toBe('file-too-large')
    expect(await errOf(() => file.advise(2n ** 63n, 0n, 'normal'))).toBe('invalid')
    expect(await errOf(() => file.advise(0n, 2n ** 63n, 'normal'))).toBe('invalid')
    expect(world.host.calls).toHaveLength(before)
    expect((await file.read(1n, 2n ** 53n))[1]).toBe(true)
  })

  it('is that a descriptor is no use for what it was not opened for', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const [reader, writer] = [await root.openAt({}, 'inbox/a.txt', {}, readable), await root.openAt({}, 'inbox/a.txt', {}, writable)]
    const before = world.host.calls.length
    expect(await errOf(() => reader.write(bytes('x'), 0n))).toBe('bad-descriptor')
    expect(await errOf(() => reader.appendViaStream())).toBe('bad-descriptor')
    expect(await errOf(() => reader.setSize(0n))).toBe('invalid')
    expect(await errOf(() => writer.read(1n, 0n))).toBe('bad-descriptor')
    expect(await errOf(() => writer.readViaStream(0n))).toBe('bad-descriptor')
    expect(await errOf(() => root.readViaStream(0n))).toBe('is-directory')
    for (const onlyFiles of [
      () => root.read(1n, 0n),
      () => root.write(bytes('x'), 0n),
      () => root.writeViaStream(0n),
      () => root.appendViaStream(),
      () => root.setSize(0n),
      () => root.advise(0n, 0n, 'normal'),
    ])
      expect(await errOf(onlyFiles)).toBe('bad-descriptor')
    for (const advice of ['normal', 'sequential', 'random', 'will-need', 'dont-need', 'no-reuse']) reader.advise(0n, 9n, advice)
    expect(world.host.calls).toHaveLength(before)
  })

  it('is an error and not a made-up success when the host says that more was written than was sent', async () => {
    const world = new MemoryWorld(tree)
    const file = await rootOf(world).openAt({}, 'inbox/a.txt', {}, writable)
    for (const written of [-1, 4, Number.NaN, 'x', undefined]) {
      world.host.intercept = () => ({ ok: true, value: { written }, body: new Uint8Array() })
      expect(await errOf(() => file.write(bytes('abc'), 0n))).toBe('io')
    }
  })
})
