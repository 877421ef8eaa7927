import { assert, integer, nat, property, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import { decodeContents, encodeContents, type ComponentContents, type GlueContents } from '#host/ingest/artifact-codec.ts'

const core = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 1, 0])
const contents: GlueContents = {
  linking: 'glue',
  glue: '(guard) => ({ instantiate() { return "ü" } })',
  cores: [
    { name: 'component.core.wasm', bytes: core },
    { name: 'component.core2.wasm', bytes: core.slice(0, 8) },
  ],
  imports: ['wasi:io/poll@0.2.3'],
  exports: [{ path: ['cordon:agent/run@0.1.0', 'run'], call: 'cordon:agent/run', kind: 'agent-run' }],
}

const component = new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 1, 2, 3])
const asComponent: ComponentContents = { linking: 'component', component, imports: contents.imports, exports: contents.exports }

const encodedWith = (changes: object): Uint8Array => encodeContents({ ...contents, ...changes })

describe('an encoded artifact', () => {
  test('reads back as it was written', () => {
    expect(decodeContents(encodeContents(contents))).toEqual(contents)
  })

  test('of a component reads back as it was written', () => {
    expect(decodeContents(encodeContents(asComponent))).toEqual(asComponent)
  })

  test('of a component with any byte changed or cut is refused, or still has only what is allowed', () => {
    const whole = encodeContents(asComponent)
    assert(
      property(nat(whole.length - 1), integer({ min: 1, max: 255 }), nat(whole.length), (position, flip, cut) => {
        const changed = Uint8Array.from(whole.subarray(0, whole.length - cut))
        if (position < changed.length) changed[position] = (changed[position] ?? 0) ^ flip
        try {
          const read = decodeContents(changed)
          if (read.linking !== 'component') throw new Error('expected a component')
          expect([...read.component.subarray(0, 8)]).toEqual([...component.subarray(0, 8)])
          expect(read.imports.every((name) => name.startsWith('wasi:io/poll@0.2.'))).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(CordonError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('with any byte changed or cut is refused, or still has only what is allowed', () => {
    const whole = encodeContents(contents)
    assert(
      property(nat(whole.length - 1), integer({ min: 1, max: 255 }), nat(3), (position, flip, cut) => {
        const changed = Uint8Array.from(whole.subarray(0, whole.length - cut))
        if (position < changed.length) changed[position] = (changed[position] ?? 0) ^ flip
        try {
          const read = decodeContents(changed)
          if (read.linking !== 'glue') throw new Error('expected glue')
          expect(read.cores.map(({ name }) => /^component\.core\d{0,4}\.wasm$/.test(name))).toEqual([true, true])
          expect(read.glue.length).toBeGreaterThan(0)
        } catch (error) {
          expect(error).toBeInstanceOf(CordonError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('of arbitrary bytes is refused', () => {
    assert(
      property(uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => decodeContents(bytes)).toThrow(CordonError)
      }),
    )
  })

  test.each([
    ['a core module with a path for a name', { cores: [{ name: '../component.core.wasm', bytes: core }] }],
    ['two core modules of one name', { cores: [contents.cores[0], contents.cores[0]] }],
    ['a core module that is none', { cores: [{ name: 'component.core.wasm', bytes: new Uint8Array(8) }] }],
    ['an export without a path', { exports: [{ path: [], call: 'run', kind: 'plain' }] }],
    ['an export whose name breaks lines', { exports: [{ path: ['run'], call: 'run\nrun', kind: 'plain' }] }],
    ['an export of no kind', { exports: [{ path: ['run'], call: 'run', kind: 'other' }] }],
    ['no glue', { glue: '' }],
    ['another kind of linking', { linking: 'other' }],
    ['a component that is none', { linking: 'component', component: core }],
  ])('with %s is refused', (_what, changes) => {
    expect(() => decodeContents(encodedWith(changes))).toThrow(expect.objectContaining({ code: 'ingest.failed' }))
  })

  test('with an import that this host does not have is refused', () => {
    expect(() => decodeContents(encodedWith({ imports: ['evil:pkg/iface@0.2.0'] }))).toThrow(
      expect.objectContaining({ code: 'component.import-unknown' }),
    )
  })

  test('with bytes to spare is refused', () => {
    expect(() => decodeContents(Buffer.concat([encodeContents(contents), Buffer.alloc(1)]))).toThrow('total length')
  })
})
