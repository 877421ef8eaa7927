import * as fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import type { FunctionType, ValueType } from '#core/component/component-plan.ts'
import { valueOf, valueTypes as typesOf } from '../cell/link/abi/arbitrary-value.ts'

/** Any value type but handles, some with names that are awkward in JavaScript. */
export const valueTypes: Arbitrary<ValueType> = typesOf({ inheritedNames: true, maxParts: 4 })

/** One function with the arguments of a call and what the host answers to it. */
export interface Exchange {
  readonly type: FunctionType
  readonly calls: readonly { readonly args: readonly unknown[]; readonly answer: unknown }[]
}

const functionsOf = (types: Arbitrary<ValueType>): Arbitrary<FunctionType> =>
  fc
    .record({ params: fc.array(types, { maxLength: 4 }), result: fc.option(types, { nil: undefined }) })
    .map(({ params, result }) => ({ params: params.map((type, nth) => ({ name: `p${nth}`, type })), result }))

/** A function of `type`, called a few times. */
export const exchangeOf = (type: FunctionType): Arbitrary<Exchange> => {
  const answer = type.result === undefined ? fc.constant(undefined) : valueOf(type.result)
  const call = fc.record({ args: fc.tuple(...type.params.map((param) => valueOf(param.type))), answer })
  return fc.array(call, { minLength: 1, maxLength: 4 }).map((calls) => ({ type, calls }))
}

/** Functions of generated types, each with calls. */
export const exchanges: Arbitrary<Exchange> = functionsOf(valueTypes).chain(exchangeOf)

/** The same without awkward names. */
export const plainExchanges: Arbitrary<Exchange> = functionsOf(typesOf({ maxParts: 4 })).chain(exchangeOf)
