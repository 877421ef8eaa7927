import { describe, expect, it } from 'vitest'
import { bytes, errOf, importsOf, MemoryWorld, settled, text, type Descriptor } from './memory-world.ts'

const tree = { inbox: { 'a.txt': 'first', 'b.txt': 'second' }, out: {} }
const rootOf = (world: MemoryWorld): Descriptor => {
  const [first] = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
  if (first === undefined) throw new Error('expected a preopen')
  return first[0]
}
const readable = { read: true }
const writable = { write: true }

describe('a descriptor', () => {
  it('shows the mounts by their guest paths and never closes them', async () => {
    const world = new MemoryWorld(tree)
    const directories = importsOf(world)['wasi:filesystem/preopens'].getDirectories()
    expect(directories.map(([, path]) => path)).toEqual(['/data'])
    expect(directories[0]?.[0].getType()).toBe('directory')
    expect(directories[0]?.[0].getFlags()).toEqual({ read: true, write: false, mutateDirectory: true })
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
    })
    await root.linkAt({ symlinkFollow: true }, 'out/x', root, 'out/y')
    expect(world.host.calls.at(-1)?.args).toEqual({ dir: 1, path: 'out/x', followLinks: true, toDir: 1, toPath: 'out/y' })
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

  it('lists a directory once, with types', async () => {
    const world = new MemoryWorld(tree)
    const stream = await (await rootOf(world).openAt({}, 'inbox', { directory: true }, readable)).readDirectory()
    expect([stream.readDirectoryEntry(), stream.readDirectoryEntry(), stream.readDirectoryEntry(), stream.readDirectoryEntry()]).toEqual([
      { type: 'regular-file', name: 'a.txt' },
      { type: 'regular-file', name: 'b.txt' },
      undefined,
      undefined,
    ])
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
    for (const val of [
      { seconds: 2n ** 64n - 1n, nanoseconds: 0 },
      { seconds: 0n, nanoseconds: 1_000_000_000 },
    ]) {
      expect(await errOf(() => file.setTimes({ tag: 'timestamp', val }, { tag: 'no-change' }))).toBe('invalid')
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
    expect(await errOf(() => file.read(1n, 2n ** 53n))).toBe('invalid')
    expect(await errOf(() => file.readViaStream(2n ** 64n - 1n))).toBe('invalid')
    expect(await errOf(() => file.setSize(2n ** 64n - 1n))).toBe('file-too-large')
    expect(world.host.calls).toHaveLength(before)
  })

  it('is that a descriptor is no use for what it was not opened for', async () => {
    const world = new MemoryWorld(tree)
    const root = rootOf(world)
    const [reader, writer] = [await root.openAt({}, 'inbox/a.txt', {}, readable), await root.openAt({}, 'inbox/a.txt', {}, writable)]
    const before = world.host.calls.length
    expect(await errOf(() => reader.write(bytes('x'), 0n))).toBe('bad-descriptor')
    expect(await errOf(() => reader.appendViaStream())).toBe('bad-descriptor')
    expect(await errOf(() => reader.setSize(0n))).toBe('bad-descriptor')
    expect(await errOf(() => writer.read(1n, 0n))).toBe('bad-descriptor')
    expect(await errOf(() => writer.readViaStream(0n))).toBe('bad-descriptor')
    expect(await errOf(() => root.read(1n, 0n))).toBe('is-directory')
    expect(await errOf(() => root.writeViaStream(0n))).toBe('is-directory')
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
