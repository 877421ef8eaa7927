import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'
import type { Descriptor, DescriptorFlags, OpenFlags } from 'wasi:filesystem/types@0.2.12'
import { bytes, errOf, holds, inTurn, same, text } from '../check.ts'

const read: DescriptorFlags = { read: true }
const both: DescriptorFlags = { read: true, write: true }
const create: OpenFlags = { create: true }

const root = (): Descriptor => {
  const [first, ...more] = getDirectories()
  if (first === undefined) throw new Error('expected a folder')
  same([first[1], more.length], ['/', 0], 'folders that are open')
  return first[0]
}

const content = (file: Descriptor): string => {
  const [data, end] = file.read(1000n, 0n)
  holds(end || data.length > 0, 'progress')
  return text(data)
}

const opening = (folder: Descriptor): void => {
  same(
    errOf(() => folder.openAt({}, 'missing', {}, read)),
    'no-entry',
    'what is not there',
  )
  const file = folder.openAt({}, 'new.txt', create, both)
  same(file.getType(), 'regular-file', 'type')
  same(
    errOf(() => folder.openAt({}, 'new.txt', { create: true, exclusive: true }, both)),
    'exist',
    'exclusive',
  )
  same(
    errOf(() => folder.openAt({}, 'new.txt', { directory: true }, read)),
    'not-directory',
    'a file as a folder',
  )
  same(
    errOf(() => folder.openAt({}, 'new.txt/below', {}, read)),
    'not-directory',
    'below a file',
  )
  same(file.getFlags().read, true, 'flag read')
  same(file.getFlags().write, true, 'flag write')
}

const writing = (folder: Descriptor): void => {
  const file = folder.openAt({}, 'new.txt', {}, both)
  same(file.write(bytes('hello world'), 0n), 11n, 'bytes written')
  same(file.write(bytes('W'), 6n), 1n, 'one byte written')
  same(content(file), 'hello World', 'content')
  same(text(file.read(3n, 4n)[0]), 'o W', 'a piece')
  same(file.read(3n, 1000n), [new Uint8Array(), true], 'past the end')
  file.setSize(5n)
  same(content(file), 'hello', 'shorter')
  file.setSize(7n)
  same([...file.read(10n, 0n)[0]].slice(5), [0, 0], 'longer, with zeroes')
  same(file.stat().size, 7n, 'size')
  file.sync()
  file.syncData()
  file.advise(0n, 7n, 'sequential')
  const reader = folder.openAt({}, 'new.txt', {}, read)
  same(
    errOf(() => reader.write(bytes('x'), 0n)),
    'bad-descriptor',
    'a write through what is open for reading',
  )
  const writer = folder.openAt({}, 'new.txt', {}, { write: true })
  same(
    errOf(() => writer.read(1n, 0n)),
    'bad-descriptor',
    'a read through what is open for writing',
  )
  folder.openAt({}, 'new.txt', { truncate: true }, { write: true })
  same(file.stat().size, 0n, 'truncated')
}

const streaming = (folder: Descriptor): void => {
  const file = folder.openAt({}, 'streamed.txt', create, both)
  const out = file.writeViaStream(2n)
  out.blockingWriteAndFlush(bytes('abc'))
  out.blockingWriteAndFlush(bytes('def'))
  same([...file.read(10n, 0n)[0]], [0, 0, ...bytes('abcdef')], 'from an offset')
  const more = file.appendViaStream()
  more.blockingWriteAndFlush(bytes('!'))
  const input = file.readViaStream(3n)
  same(text(input.blockingRead(3n)), 'bcd', 'a piece of a stream')
  same(text(input.blockingRead(100n)), 'ef!', 'the rest of a stream')
  same(
    errOf(() => input.blockingRead(1n)),
    { tag: 'closed' },
    'the end of a stream',
  )
}

const times = (folder: Descriptor): void => {
  const file = folder.openAt({}, 'timed.txt', create, both)
  const when = (seconds: bigint) => ({ tag: 'timestamp', val: { seconds, nanoseconds: 500_000_000 } }) as const
  file.setTimes(when(1000n), when(2000n))
  same(file.stat().dataAccessTimestamp, { seconds: 1000n, nanoseconds: 500_000_000 }, 'time of access')
  folder.setTimesAt({}, 'timed.txt', { tag: 'no-change' }, when(3000n))
  const after = folder.statAt({}, 'timed.txt')
  same([after.dataAccessTimestamp?.seconds, after.dataModificationTimestamp?.seconds], [1000n, 3000n], 'times by path')
  file.setTimes({ tag: 'now' }, { tag: 'now' })
  holds((file.stat().dataModificationTimestamp?.seconds ?? 0n) > 1_750_000_000n, 'now')
}

const identity = (folder: Descriptor): void => {
  const one = folder.openAt({}, 'timed.txt', {}, read)
  const again = folder.openAt({}, 'timed.txt', {}, read)
  const other = folder.openAt({}, 'streamed.txt', {}, read)
  same([one.isSameObject(again), one.isSameObject(other)], [true, false], 'sameness')
  same(one.metadataHash(), again.metadataHash(), 'hash of one file')
  same(folder.metadataHashAt({}, 'timed.txt'), one.metadataHash(), 'hash by path')
  holds(one.metadataHash().lower !== other.metadataHash().lower, 'hash of another file')
}

export const run = (): string => {
  const folder = root()
  same(text(folder.openAt({}, 'given.txt', {}, read).read(100n, 0n)[0]), 'given\n', 'what was there')
  return inTurn({
    opening: () => opening(folder),
    writing: () => writing(folder),
    streaming: () => streaming(folder),
    times: () => times(folder),
    identity: () => identity(folder),
  })
}
