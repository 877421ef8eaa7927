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
  [/unaligned pointer|not aligned|out.of.bounds|bit pattern|utf-?8|utf-?16|discriminant|surrogate|char|string|list/i, ['abi']],
  [/deadlock|cannot block/, ['budget']],
  [/unreachable|divide|overflow|undefined element|uninitialized|indirect call|stack exhausted|^wasm trap/, ['engine']],
]

/** The class that a reference message stands for; undefined when the table does not know it. */
export const expectedClasses = (message: string): readonly TrapClass[] | undefined => {
  // The engine's own bounds, not the canonical ABI's.
  if (/out of bounds memory access|out of bounds table access/.test(message)) return ['engine']
  return classes.find(([pattern]) => pattern.test(message))?.[1]
}

/** The class of what a call rejected with; undefined when that is no trap. */
export const classOfTrap = (error: unknown): TrapClass | undefined => {
  if (error instanceof LinkTrap) return error.code
  return error instanceof engine.RuntimeError ? 'engine' : undefined
}
