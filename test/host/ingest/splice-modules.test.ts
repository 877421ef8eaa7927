import { array, assert, constant, letrec, oneof, property, record, integer, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import { ByteWriter } from '#core/wasm/byte-writer.ts'
import { spliceModules } from '#host/ingest/splice-modules.ts'

/** A section of a component: of a nested one its sections, of any other its bytes. */
type Section = { readonly id: number; readonly bytes: Uint8Array } | { readonly id: typeof nestedId; readonly sections: readonly Section[] }

const customId = 0
const moduleId = 1
const nestedId = 4
const header = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]

const write = (sections: readonly Section[], out: ByteWriter): void => {
  out.raw(header)
  for (const section of sections) {
    out.byte(section.id)
    out.prefixed(() => ('sections' in section ? write(section.sections, out) : out.slice(section.bytes, 0, section.bytes.length)))
  }
}

const bytesOf = (sections: readonly Section[]): Uint8Array => {
  const out = new ByteWriter()
  write(sections, out)
  return out.toBytes()
}

const read = (reader: ByteReader): Section[] => {
  expect([...reader.bytes.subarray(reader.position, reader.position + 8)]).toEqual(header)
  reader.skip(8, 'the header')
  const sections: Section[] = []
  while (!reader.done) {
    const id = reader.byte('an id')
    const part = reader.part(reader.u32('a size'), 'a section')
    sections.push(id === nestedId ? { id, sections: read(part) } : { id, bytes: part.bytes.slice(part.position, part.end) })
  }
  return sections
}

/** Where the modules of a written component lie. */
const rangesIn = (reader: ByteReader): { offset: number; length: number }[] => {
  reader.skip(8, 'the header')
  const found: { offset: number; length: number }[] = []
  while (!reader.done) {
    const id = reader.byte('an id')
    const part = reader.part(reader.u32('a size'), 'a section')
    if (id === moduleId) found.push({ offset: part.position, length: part.end - part.position })
    if (id === nestedId) found.push(...rangesIn(part))
  }
  return found
}

/** What splicing is to give: custom sections gone, the modules replaced in order, all else as it was. */
const expected = (sections: readonly Section[], modules: Uint8Array[]): Section[] =>
  sections
    .filter(({ id }) => id !== customId)
    .map((section) => {
      if ('sections' in section) return { id: section.id, sections: expected(section.sections, modules) }
      return section.id === moduleId ? { id: moduleId, bytes: modules.shift() ?? new Uint8Array() } : section
    })

const flat = oneof(constant(customId), constant(moduleId), integer({ min: 2, max: 3 }), integer({ min: 5, max: 11 }))
const { sections } = letrec<{ sections: Section[]; section: Section }>((tie) => ({
  sections: array(tie('section'), { maxLength: 6, depthIdentifier: 'components' }),
  section: oneof(
    { depthIdentifier: 'components', maxDepth: 4 },
    record({ id: flat, bytes: uint8Array({ maxLength: 200 }) }),
    record({ id: constant(nestedId), sections: tie('sections') }),
  ),
}))

describe('putting rewritten modules back in place', () => {
  test('keeps every section but custom ones, in nested components too', () => {
    assert(
      property(sections, array(uint8Array({ maxLength: 300 }), { minLength: 40, maxLength: 40 }), (tree, given) => {
        const component = bytesOf(tree)
        const ranges = rangesIn(new ByteReader(component))
        const modules = ranges.map((_range, nth) => given[nth % given.length] ?? new Uint8Array())
        expect(read(new ByteReader(spliceModules(component, ranges, modules)))).toEqual(expected(tree, [...modules]))
      }),
    )
  })

  const two: readonly Section[] = [
    { id: moduleId, bytes: new Uint8Array([1]) },
    { id: nestedId, sections: [{ id: moduleId, bytes: new Uint8Array([2, 3]) }] },
  ]
  const ranges = rangesIn(new ByteReader(bytesOf(two)))
  const modules = [new Uint8Array([4]), new Uint8Array([5])]

  test.each([
    ['a module too few', ranges, modules.slice(1)],
    ['a module too many', ranges, [...modules, new Uint8Array()]],
    ['a range too few', ranges.slice(1), modules],
    ['a range too many', [...ranges, { offset: 1, length: 1 }], modules],
    ['ranges in another order', ranges.toReversed(), modules],
    ['a range that lies elsewhere', ranges.map(({ offset, length }) => ({ offset: offset + 1, length })), modules],
    ['a range of another length', ranges.map(({ offset, length }) => ({ offset, length: length + 1 })), modules],
  ])('refuses %s', (_what, wrongRanges, wrongModules) => {
    expect(() => spliceModules(bytesOf(two), ranges, modules)).not.toThrow()
    expect(() => spliceModules(bytesOf(two), wrongRanges, wrongModules)).toThrow(WasmError)
  })
})
