import { engine } from '#cell/link/engine.ts'
import { LinkTrap, type TrapCode } from '#cell/link/linker.ts'

/** How an instance ended: by a rule that the linker keeps, or by the engine's own trap. */
export type TrapClass = TrapCode | 'engine'

/** What the reference says of a trap, and the codes of ours that mean the same. The first row that matches counts. */
const classes: readonly (readonly [message: RegExp, codes: readonly TrapClass[]])[] = [
  [/realloc/, ['realloc']],
  [/cannot leave component instance/, ['reentrance']],
  [/cannot enter component instance/, ['reentrance', 'poisoned']],
  [/handle|resource|borrow|lent|own/, ['handle']],
  // Of a pointer that a value held, or that a reallocation gave: the messages do not tell.
  [/unaligned pointer|not aligned|out.of.bounds/i, ['abi', 'realloc']],
  [/bit pattern|utf-?8|utf-?16|discriminant|surrogate|char|string|list/i, ['abi']],
  [/deadlock|cannot block/, ['budget']],
  [/unreachable|divide|overflow|undefined element|uninitialized|indirect call|stack exhausted|^wasm trap/, ['engine']],
]

/** What a script expects of a trap: one of these codes, and these words in what is said. */
export interface ExpectedTrap {
  readonly classes: readonly TrapClass[]
  readonly words: string
}

/** Our own scripts name the code: `abi: bounds`. */
const ownForm = /^(abi|handle|reentrance|realloc|budget|poisoned|over|link|engine): ?(.*)$/

/** What a message stands for; undefined when it is not in our own form and the table does not know it. */
export const expectedTrap = (message: string): ExpectedTrap | undefined => {
  const [own, code, words = ''] = ownForm.exec(message) ?? []
  if (own !== undefined) return { classes: [code as TrapClass], words }
  // The engine's own bounds, not the canonical ABI's.
  if (/out of bounds (?:memory|table) access/.test(message)) return { classes: ['engine'], words: '' }
  const codes = classes.find(([pattern]) => pattern.test(message))?.[1]
  return codes === undefined ? undefined : { classes: codes, words: '' }
}

/** The class of what a call rejected with; undefined when that is no trap. */
export const classOfTrap = (error: unknown): TrapClass | undefined => {
  if (error instanceof LinkTrap) return error.code
  return error instanceof engine.RuntimeError ? 'engine' : undefined
}
