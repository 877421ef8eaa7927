import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FunctionType, ValueType } from '#core/component/component-plan.ts'
import { exchangeOf, exchanges, plainExchanges, type Exchange } from './arbitrary-signature.ts'
import { passingComponent, type Encoding } from './component-text.ts'
import { assemble, stockJco, type Contend } from './contenders.ts'
import { mayDeviateInCompositions } from './deviations.ts'
import { cordon } from './own-linker.ts'
import { patchedJco } from './patched-jco.ts'
import { runExchanges, type Difference } from './run-exchanges.ts'

const some = fc.array(exchanges, { minLength: 1, maxLength: 4 })

const differences = async (contend: Contend, made: readonly Exchange[], encodings: readonly Encoding[]): Promise<readonly Difference[]> =>
  runExchanges(
    contend,
    await assemble(
      passingComponent(
        made.map((each) => each.type),
        encodings,
      ),
    ),
    made,
  )

const holds = (runs: number, check: (made: readonly Exchange[]) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(some, check), { numRuns: runs })

/** jco panics where `latin1+utf16` meets anything, and where utf16 meets utf16: those only the specification can judge. */
const judgedByJco: readonly (readonly Encoding[])[] = [
  ['utf8'],
  ['utf16'],
  ['utf8', 'utf8'],
  ['utf8', 'utf16'],
  ['utf16', 'utf8'],
  ['utf8', 'utf16', 'utf8'],
]
const judgedByText: readonly (readonly Encoding[])[] = [
  ['latin1+utf16'],
  ['utf16', 'utf16'],
  ['latin1+utf16', 'latin1+utf16'],
  ['latin1+utf16', 'utf8'],
  ['utf8', 'latin1+utf16'],
  ['latin1+utf16', 'utf16'],
  ['utf16', 'latin1+utf16', 'utf8', 'latin1+utf16', 'utf16'],
]

/** Every limit at which the canonical ABI changes its mind. */
const edges: readonly (readonly [name: string, type: FunctionType])[] = (() => {
  const many = (count: number, type: ValueType): ValueType[] => Array.from({ length: count }, () => type)
  const taking = (...types: readonly ValueType[]): FunctionType => ({
    params: types.map((type, nth) => ({ name: `p${nth}`, type })),
    result: types.length === 1 ? types[0] : { kind: 'tuple', items: types },
  })
  const names = (count: number): string[] => Array.from({ length: count }, (_, nth) => `n${nth}`)
  const string: ValueType = { kind: 'string' }
  return [
    ['16 core parameters', taking(...many(16, { kind: 'u8' }))],
    ['17 core parameters, so that they go through memory', taking(...many(17, { kind: 'u8' }))],
    ['strings that fill the core parameters', taking(...many(8, string))],
    ['strings that overflow the core parameters', taking(...many(9, string))],
    [
      'mixed alignments through memory',
      taking(...many(5, { kind: 'tuple', items: [{ kind: 'u8' }, { kind: 'f64' }, { kind: 'u16' }, { kind: 's64' }] })),
    ],
    [
      'a variant with 256 cases',
      taking({ kind: 'variant', cases: names(256).map((name, nth) => ({ name, type: nth % 2 === 0 ? undefined : string })) }),
    ],
    [
      'a variant with 257 cases',
      taking({ kind: 'variant', cases: names(257).map((name, nth) => ({ name, type: nth % 2 === 0 ? undefined : { kind: 'u64' } })) }),
    ],
    ['a list of enums with 257 names', taking({ kind: 'list', element: { kind: 'enum', names: names(257) } })],
    ...[1, 8, 9, 16, 17, 31, 32].map(
      (count) => [`a list of ${count} flags`, taking({ kind: 'list', element: { kind: 'flags', names: names(count) } })] as const,
    ),
    ['options in options', taking({ kind: 'option', some: { kind: 'option', some: { kind: 'option', some: { kind: 'u8' } } } })],
    [
      'results in results',
      taking({
        kind: 'result',
        ok: { kind: 'result', ok: undefined, error: string },
        error: { kind: 'result', ok: { kind: 'f32' }, error: undefined },
      }),
    ],
    [
      'every join of core types',
      taking({ kind: 'variant', cases: (['f32', 'u32', 'f64', 's64', 'string'] as const).map((kind) => ({ name: kind, type: { kind } })) }),
    ],
    [
      'f32 joined with i32',
      taking({
        kind: 'variant',
        cases: [
          { name: 'a', type: { kind: 'f32' } },
          { name: 'b', type: { kind: 's32' } },
        ],
      }),
    ],
  ]
})()

describe('honest values between host and guest', () => {
  it.each(judgedByJco.map((each) => [each] as const))(
    'come through unchanged as %s, by this linker and by stock jco',
    async (encodings) => {
      await holds(30, async (made) => {
        expect(await differences(cordon, made, encodings)).toEqual([])
        const ofJco = await differences(stockJco, made, encodings)
        expect(ofJco.filter(({ type }) => encodings.length === 1 || !mayDeviateInCompositions(type))).toEqual([])
      })
    },
  )

  it.each(judgedByText.map((each) => [each] as const))('come through unchanged as %s, as the specification has it', async (encodings) => {
    await holds(30, async (made) => {
      expect(await differences(cordon, made, encodings)).toEqual([])
    })
  })

  it('come through the glue of ingest unchanged, metered', async () => {
    // Generated code must not reach for `constructor`, not even as the name of a flag: such components are refused there.
    const plain = fc.array(plainExchanges, { minLength: 1, maxLength: 4 })
    const check = async (made: readonly Exchange[]): Promise<void> => {
      expect(await differences(patchedJco, made, ['utf8'])).toEqual([])
    }
    await fc.assert(fc.asyncProperty(plain, check), { numRuns: 15 })
  })

  it.each(edges)('come through at the edges: %s', async (_, type) => {
    for (const exchange of fc.sample(exchangeOf(type), 4)) {
      expect(await differences(stockJco, [exchange], ['utf8'])).toEqual([])
      for (const encodings of [['utf8'], ['latin1+utf16'], ['utf16', 'latin1+utf16']] as const) {
        expect(await differences(cordon, [exchange], encodings)).toEqual([])
      }
    }
  })

  it('lets stock jco go wrong between components where its table of deviations says so, and nowhere else', async () => {
    const type: ValueType = {
      kind: 'variant',
      cases: [
        { name: 'small', type: { kind: 's32' } },
        { name: 'wide', type: { kind: 'u64' } },
      ],
    }
    const minusSeven: Exchange = {
      type: { params: [{ name: 'x', type }], result: undefined },
      calls: [{ args: [{ tag: 'small', val: -7 }], answer: undefined }],
    }
    const [ofJco] = await differences(stockJco, [minusSeven], ['utf8', 'utf8'])
    expect(ofJco?.seen).toEqual([{ tag: 'small', val: 4_294_967_289 }])
    expect(await differences(cordon, [minusSeven], ['utf8', 'utf8'])).toEqual([])
  })

  it('carry strings longer than a page, of every width, in every encoding', async () => {
    const string: ValueType = { kind: 'string' }
    const long: Exchange = {
      type: { params: [{ name: 'x', type: string }], result: string },
      calls: ['a', 'ÿ', 'Ā', '€', '😀', 'aÿ€😀'].map((unit) => ({ args: [unit.repeat(70_000)], answer: `${unit.repeat(30_000)}€${unit}` })),
    }
    for (const encodings of [...judgedByJco, ...judgedByText]) expect(await differences(cordon, [long], encodings)).toEqual([])
  })
})
