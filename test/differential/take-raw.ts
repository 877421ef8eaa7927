import type { ValueType } from '#core/component/component-plan.ts'
import { flatOf } from './flat-layout.ts'
import type { Contend, Contender, Ending } from './contenders.ts'
import { rawGuest, rawHost, slotsAt, valueAt } from './raw-component.ts'
import { ReferenceLift, ReferenceTrap, Slots, TooLarge, type Rule } from './reference-lift.ts'
import { sealedImports } from './sealed-imports.ts'
import type { Encoding } from './component-text.ts'

/** How the guest gives what lies in its memory: as a result, or as a parameter of an import. */
export type Way = 'give' | 'take'

/** What came of it. `error` is what the call ended with. */
export type Taken = { readonly value: unknown } | { readonly error: unknown }

/** A guest of `rawComponent` that is asked for what its memory holds. */
export class RawGuest {
  readonly #make: () => Promise<Contender>
  readonly #type: ValueType
  #seen: { readonly value: unknown } | undefined
  #contender: Contender | undefined

  constructor(contend: Contend, component: Uint8Array, type: ValueType) {
    const sink = (value: unknown): void => {
      this.#seen = { value }
    }
    this.#make = () => contend(component, sealedImports({ [rawHost]: { sink } }))
    this.#type = type
  }

  /** Puts `memory` in place and takes the value. A guest that trapped is made anew the next time. */
  async take(memory: Uint8Array, way: Way): Promise<Taken> {
    const contender = (this.#contender ??= await this.#make())
    this.#seen = undefined
    await contender.call([rawGuest, 'fill'], [memory])
    const ending = await contender.call([rawGuest, way], [])
    if (ending.kind === 'trapped') {
      this.#contender = undefined
      return { error: ending.error }
    }
    return way === 'give' ? { value: this.#whole(ending) } : (this.#seen ?? { error: new Error('the import was not called') })
  }

  /** Results are taken apart where a function returns one: puts them together again. */
  #whole(ending: Exclude<Ending, { kind: 'trapped' }>): unknown {
    if (ending.kind === 'declared') return { tag: 'err', val: ending.payload }
    return this.#type.kind === 'result' ? { tag: 'ok', val: ending.value } : ending.value
  }
}

/** What the specification makes of `memory`. */
export const referenceTake = (
  type: ValueType,
  encoding: Encoding,
  memory: Uint8Array,
  way: Way,
): { readonly value: unknown } | { readonly trap: Rule } | undefined => {
  const reference = new ReferenceLift(memory, encoding)
  const view = new DataView(memory.buffer)
  const flat = flatOf(type).length
  const slots = new Slots(Array.from({ length: Math.min(flat, 16) }, (_, nth) => view.getBigUint64(slotsAt + 8 * nth, true)))
  try {
    const isSpilled = flat > (way === 'give' ? 1 : 16)
    return { value: isSpilled ? reference.load(type, valueAt) : reference.lift(type, slots) }
  } catch (error) {
    if (error instanceof ReferenceTrap) return { trap: error.rule }
    if (error instanceof TooLarge) return undefined
    throw error
  }
}
