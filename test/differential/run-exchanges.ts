import { isDeepStrictEqual } from 'node:util'
import { WitError } from '#cell/adapters/wit-error.ts'
import type { FunctionType } from '#core/component/component-plan.ts'
import type { Exchange } from './arbitrary-signature.ts'
import { guestInterface, hostInterface } from './component-text.ts'
import type { Contend, Ending } from './contenders.ts'
import { sealedImports } from './sealed-imports.ts'

/** What a call should have come to, and what it came to. */
export interface Difference {
  readonly type: FunctionType
  readonly args: readonly unknown[]
  readonly answer: unknown
  /** What the import was called with; undefined when it was not. */
  readonly seen: readonly unknown[] | undefined
  readonly ending: Ending
}

interface Tagged {
  readonly tag: string
  readonly val?: unknown
}

const isTagged = (value: unknown): value is Tagged =>
  typeof value === 'object' && value !== null && 'tag' in value && Object.keys(value).length <= 2

const nameOf = (view: ArrayBufferView): string => Object.prototype.toString.call(view)

/** Values of another realm, such as that of evaluated glue, have other prototypes. A case without payload may have `val: undefined` or no `val`: jco has both. */
const comparable = (value: unknown): unknown => {
  if (Array.isArray(value)) return Array.from(value, comparable)
  if (ArrayBuffer.isView(value)) return { view: nameOf(value), values: Array.from(value as Uint8Array) }
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  const entries = Object.entries(value).map(([key, each]) => [key, comparable(each)])
  return Object.fromEntries(isTagged(value) && value.val === undefined ? entries.filter(([key]) => key !== 'val') : entries)
}

/** Deep and strict: -0 is not 0, NaN is NaN, arrays are not typed arrays, keys with undefined are not missing ones. */
export const isSame = (one: unknown, other: unknown): boolean => isDeepStrictEqual(comparable(one), comparable(other))

/** What the caller of an export gets when the host's answer is `answer`: results in a function's result are returned or thrown. */
const endingFor = (type: FunctionType, answer: unknown): Ending => {
  if (type.result?.kind !== 'result') return { kind: 'returned', value: answer }
  const { tag, val } = answer as Tagged
  return tag === 'ok' ? { kind: 'returned', value: val } : { kind: 'declared', payload: val }
}

const answering = (type: FunctionType, answer: unknown): unknown => {
  const ending = endingFor(type, answer)
  if (ending.kind === 'declared') throw new WitError(ending.payload)
  return ending.kind === 'returned' ? ending.value : undefined
}

/**
 * Makes all the calls of `exchanges` in one instance and gives those in which the import did not see the arguments or the caller did not get the
 * import's answer: values that are canonical come through unchanged, whatever the encodings between.
 */
export const runExchanges = async (
  contend: Contend,
  component: Uint8Array,
  exchanges: readonly Exchange[],
): Promise<readonly Difference[]> => {
  let answer: unknown
  let seen: readonly unknown[] | undefined
  const functions = exchanges.map(({ type }, nth) => [
    `f${nth}`,
    (...args: readonly unknown[]): unknown => {
      seen = args
      return answering(type, answer)
    },
  ])
  const imports = sealedImports({ [hostInterface]: Object.fromEntries(functions) as Record<string, unknown> })
  let contender = await contend(component, imports)
  const differences: Difference[] = []
  for (const [nth, { type, calls }] of exchanges.entries()) {
    for (const call of calls) {
      answer = call.answer
      seen = undefined
      const ending = await contender.call([guestInterface, `f${nth}`], call.args)
      if (isSame(seen, call.args) && isSame(ending, endingFor(type, call.answer))) continue
      differences.push({ type, args: call.args, answer: call.answer, seen, ending })
      if (ending.kind === 'trapped') contender = await contend(component, imports)
    }
  }
  return differences
}
