import { pickFrom, type Pick } from '../differential/seeded-pick.ts'
import { bytesOf, copyOf, joined, leb, lebAt, treeOf, type Section } from './component-tree.ts'

const numbers = [
  0,
  1,
  2,
  3,
  15,
  16,
  17,
  63,
  64,
  127,
  128,
  255,
  256,
  1000,
  65_535,
  65_536,
  1_000_000,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
]

const labels = [
  'a',
  'then',
  'to-string',
  'constructor',
  '__proto__',
  'proto',
  '[constructor]r',
  '[method]r.m',
  '[static]r.m',
  '[method]r.then',
  'wasi:io/poll@0.2.12',
  'test:pass/host',
  'a-',
  '-a',
  'A',
  'aA',
  'ä',
  '',
  'x'.repeat(300),
  '[async]f',
  'cordon:meter',
  'refill',
  'slice',
]

/** Bytes that mean something: type constructors, sorts, canonical options and functions, of the component model and of core wasm. */
const telling = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0b, 0x0c, 0x40, 0x41, 0x42, 0x43, 0x50, 0x60, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
  0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x80,
  0xff,
]

type Change = (sections: Section[], pick: Pick, others: readonly Uint8Array[]) => void

/** The sections of some component in the tree, the outermost included. */
const someLevel = (sections: Section[], pick: Pick): Section[] => {
  const levels: Section[][] = [sections]
  for (const level of levels) for (const { body } of level) if (!(body instanceof Uint8Array)) levels.push(body)
  return pickFrom(levels, pick)
}

const withoutNesting = (sections: readonly Section[]): { section: Section; bytes: Uint8Array }[] =>
  sections.flatMap((section) => (section.body instanceof Uint8Array ? [{ section, bytes: section.body }] : withoutNesting(section.body)))

/** Changes the bytes of one section, mostly one that says how things are put together and seldom a core module. */
const inBytes =
  (change: (bytes: Uint8Array, pick: Pick) => Uint8Array): Change =>
  (sections, pick) => {
    const all = withoutNesting(sections).filter(({ bytes }) => bytes.length > 0)
    const structure = all.filter(({ section }) => section.id !== 0 && section.id !== 1)
    const from = structure.length > 0 && pick(8) > 0 ? structure : all
    if (from.length === 0) return
    const { section, bytes } = pickFrom(from, pick)
    section.body = change(bytes, pick)
  }

const replaced = (bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array =>
  joined([bytes.subarray(0, from), by, bytes.subarray(to)])

const changeNumber = (bytes: Uint8Array, pick: Pick): Uint8Array => {
  const at = pick(3) === 0 ? 0 : pick(bytes.length)
  const found = lebAt(bytes, at)
  if (found === undefined) return bytes
  const near = [found.value + 1, Math.max(0, found.value - 1), pick(found.value + 1)]
  return replaced(bytes, at, found.end, leb(pick(2) === 0 ? pickFrom(near, pick) : pickFrom(numbers, pick)))
}

/** The same number in more bytes than it needs, or in too many. */
const padNumber = (bytes: Uint8Array, pick: Pick): Uint8Array => {
  const at = pick(bytes.length)
  const found = lebAt(bytes, at)
  if (found === undefined) return bytes
  const short = leb(found.value)
  const padding = pick(6)
  const head = short.map((byte) => byte | 0x80)
  return padding === 0 ? bytes : replaced(bytes, at, found.end, joined([head, new Uint8Array(padding - 1).fill(0x80), Uint8Array.of(0)]))
}

/** Puts another name where a length and that many printable bytes are. */
const changeName = (bytes: Uint8Array, pick: Pick): Uint8Array => {
  const places: { at: number; from: number; end: number }[] = []
  for (let at = 0; at < bytes.length; at++) {
    const length = lebAt(bytes, at)
    if (length === undefined || length.value === 0 || length.end + length.value > bytes.length || length.value > 80) continue
    const text = bytes.subarray(length.end, length.end + length.value)
    if (text.every((byte) => byte > 0x20 && byte < 0x7f)) places.push({ at, from: length.end, end: length.end + length.value })
  }
  if (places.length === 0) return bytes
  const { at, end } = pickFrom(places, pick)
  const other = pick(2) === 0 ? pickFrom(places, pick) : undefined
  const text = other === undefined ? new TextEncoder().encode(pickFrom(labels, pick)) : bytes.subarray(other.from, other.end)
  return replaced(bytes, at, end, joined([leb(text.length), text]))
}

const slice = (bytes: Uint8Array, pick: Pick): Uint8Array => {
  const from = pick(bytes.length)
  return bytes.subarray(from, from + 1 + pick(24))
}

/** Changes to the bytes of one section, whatever is in it: numbers, names, single bits and stretches. */
export const byteChanges: readonly ((bytes: Uint8Array, pick: Pick) => Uint8Array)[] = [
  changeNumber,
  changeNumber,
  padNumber,
  changeName,
  (bytes, pick) => {
    const at = pick(bytes.length)
    return replaced(bytes, at, at + 1, Uint8Array.of(pickFrom(telling, pick)))
  },
  (bytes, pick) => {
    const at = pick(bytes.length)
    return replaced(bytes, at, at + 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << pick(8))))
  },
  (bytes, pick) => {
    const at = pick(bytes.length + 1)
    return replaced(bytes, at, at, slice(bytes, pick))
  },
  (bytes, pick) => {
    const at = pick(bytes.length)
    return replaced(bytes, at, at + 1 + pick(8), new Uint8Array(0))
  },
  // The count at the start of a section, and as many copies of what follows.
  (bytes, pick) => {
    const count = lebAt(bytes, 0)
    if (count === undefined) return bytes
    const times = 1 + pick(40)
    const entries = bytes.subarray(count.end)
    return joined([leb(Math.min(count.value * times, 2 ** 32 - 1)), ...Array.from({ length: times }, () => entries)])
  },
]

const sectionChanges: readonly Change[] = [
  (sections, pick) => {
    const level = someLevel(sections, pick)
    level.splice(pick(level.length), 1)
  },
  (sections, pick) => {
    const level = someLevel(sections, pick)
    const at = pick(level.length)
    level.splice(pick(level.length + 1), 0, ...copyOf(level.slice(at, at + 1 + pick(4))))
  },
  (sections, pick) => {
    const level = someLevel(sections, pick)
    const [moved] = level.splice(pick(level.length), 1)
    if (moved !== undefined) level.splice(pick(level.length + 1), 0, moved)
  },
  (sections, pick) => {
    const level = someLevel(sections, pick)
    const section = level[pick(level.length)]
    if (section?.body instanceof Uint8Array) section.id = pick(14)
  },
  // What another component has in its place.
  (sections, pick, others) => {
    const level = someLevel(sections, pick)
    const donors = someLevel(treeOf(pickFrom(others, pick)), pick)
    const at = pick(donors.length)
    level.splice(pick(level.length + 1), pick(2), ...donors.slice(at, at + 1 + pick(3)))
  },
  // The whole once more inside itself, or inside many components.
  (sections, pick) => {
    const inner = copyOf(sections)
    const level = someLevel(sections, pick)
    if (bytesOf(inner).length > 100_000) return
    level.splice(pick(level.length + 1), 0, { id: 4, body: inner })
  },
  (sections, pick) => {
    let inner = sections.splice(0)
    for (let depth = 1 + pick(30); depth > 0; depth--) inner = [{ id: 4, body: inner }]
    sections.push(...inner)
  },
]

const rawChanges: readonly ((bytes: Uint8Array, pick: Pick) => Uint8Array)[] = [
  (bytes, pick) => bytes.subarray(0, pick(bytes.length)),
  ...byteChanges.slice(4, 8),
]

const change = (sections: Section[], pick: Pick, others: readonly Uint8Array[]): void => {
  const isStructure = pick(4) === 0
  const apply = isStructure ? pickFrom(sectionChanges, pick) : inBytes(pickFrom(byteChanges, pick))
  if (sections.length > 0) apply(sections, pick, others)
}

/**
 * A component somewhat like `component`: one to six changes to its sections, its types, indices, counts and names, with sizes made right again; one in
 * eight times its raw bytes are changed too. `others` are what it may take parts from. Well-formed inputs only.
 */
export const mutateComponent = (component: Uint8Array, others: readonly Uint8Array[], pick: Pick): Uint8Array => {
  const sections = treeOf(component)
  for (let left = 1 + pick(pick(3) === 0 ? 6 : 2); left > 0; left--) change(sections, pick, others)
  const bytes = bytesOf(sections)
  return pick(8) === 0 && bytes.length > 0 ? pickFrom(rawChanges, pick)(bytes, pick) : bytes
}
