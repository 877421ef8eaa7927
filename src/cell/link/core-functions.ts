import type { CoreReference } from '#core/component/component-plan.ts'
import type { CoreValue } from './abi/compiled-type.ts'
import type { Returned } from './canons.ts'
import { engine, type CoreExterns, type CoreFunction } from './engine.ts'
import type { InstanceState } from './instance-state.ts'
import { LinkTrap } from './linker.ts'
import { isThenable } from './metering.ts'
import { makeTrampolines } from './trampolines.ts'

/**
 * Calls between components and destructors inside one another. Each has a stack of its own, of up to 1 MB, which no limit of memory sees: 128 of them, each
 * near its end, held 82 MB for a guest of one page. Compositions nest a handful deep.
 */
const maxNesting = 32

type Call = (...args: readonly CoreValue[]) => CoreValue | undefined
type PromisingCall = (...args: readonly CoreValue[]) => Promise<CoreValue | undefined>

/** The core functions of one instance: those that its modules export and those that the component model makes. */
export class CoreFunctions {
  /** Exports of the core instances, by step. */
  readonly #steps: CoreExterns[] = []
  readonly #state: InstanceState
  readonly #canons: (Call | undefined)[] = []
  readonly #imports: unknown[] = []
  readonly #promising = new Map<CoreReference, PromisingCall>()
  #nesting = 0
  #starting: { value: unknown } | undefined
  #trampolines: readonly CoreFunction[] | undefined

  constructor(state: InstanceState) {
    this.#state = state
  }

  /** The exports of the next core instance. */
  add(exports: CoreExterns): void {
    this.#steps.push(exports)
  }

  /** All core instances are there: from now on calls between components may wait. */
  started(): void {
    if (this.#starting !== undefined) this.#starting.value = 0
  }

  exportsOf(step: number): CoreExterns | undefined {
    return this.#steps[step]
  }

  /** What a module exports. Throws {@link LinkTrap} when it does not. */
  exportAt(reference: CoreReference): unknown {
    const found = reference.from === 'step' ? this.#steps[reference.step]?.[reference.name] : undefined
    if (found === undefined) throw new LinkTrap('expected a core instance that exports what the component says', 'link')
    return found
  }

  /** What is given to a core module that imports it. */
  importAt(reference: CoreReference): unknown {
    return reference.from === 'step' ? this.exportAt(reference) : (this.#imports[reference.canon] ??= this.#importOf(reference.canon))
  }

  /** Calls it on a stack that cannot suspend. Throws {@link LinkTrap} `reentrance` when it wants to wait all the same. */
  callAt(reference: CoreReference, args: readonly CoreValue[]): CoreValue | undefined {
    try {
      return settled(this.#callOf(reference)(...args))
    } catch (error) {
      throw isSuspendError(error) ? cannotWait() : error
    }
  }

  /** Calls it for a guest, so that it may wait where the stack can. Throws {@link LinkTrap} `budget` when such calls are too deep. */
  callEither(
    reference: CoreReference,
    args: readonly CoreValue[],
    finish: (returned: CoreValue | undefined) => CoreValue | undefined,
  ): Returned {
    if (++this.#nesting > maxNesting) throw new LinkTrap(`expected at most ${maxNesting} calls inside one another`, 'budget')
    const leave = (returned: CoreValue | undefined): CoreValue | undefined => {
      this.#nesting--
      return finish(returned)
    }
    return this.#state.metering.canSuspend ? this.promising(reference)(...args).then(leave) : leave(this.callAt(reference, args))
  }

  /** As a function that may wait. */
  promising(reference: CoreReference): PromisingCall {
    const known = this.#promising.get(reference)
    if (known !== undefined) return known
    const call = this.#callOf(reference)
    const made: PromisingCall =
      reference.from === 'step' ? (engine.promising(call) as unknown as PromisingCall) : async (...args) => call(...args)
    this.#promising.set(reference, made)
    return made
  }

  #callOf(reference: CoreReference): Call {
    if (reference.from === 'canon') return this.#canonAt(reference.canon)
    const found = this.exportAt(reference)
    if (typeof found !== 'function') throw new LinkTrap('expected a core instance that exports a function', 'link')
    return found as Call
  }

  #importOf(index: number): unknown {
    const canon = this.#state.component.canons[index]
    if (canon?.waits === 'either') return this.#trampolineOf(index)
    const call = this.#canonAt(index)
    return canon?.waits === 'always' ? new engine.Suspending(call) : call
  }

  #canonAt(index: number): Call {
    const known = this.#canons[index]
    if (known !== undefined) return known
    const canon = this.#state.component.canons[index]
    if (canon === undefined) throw new LinkTrap(`expected canonical function ${index}`, 'link')
    const state = this.#state
    // Whoever calls a function that waits is either the engine, which takes promises from it, or looks for one.
    return (this.#canons[index] = (...args) => canon.run(state, args) as CoreValue | undefined)
  }

  #trampolineOf(index: number): CoreFunction | undefined {
    const { trampolines } = this.#state.component
    if (trampolines === undefined) throw new LinkTrap('expected trampolines for calls between components', 'link')
    this.#starting ??= new engine.Global({ value: 'i32', mutable: true }, 1)
    this.#trampolines ??= makeTrampolines(
      trampolines.module,
      this.#starting,
      [...trampolines.places.keys()].map((canon) => this.#canonAt(canon) as CoreFunction),
    )
    return this.#trampolines[trampolines.places.get(index) ?? -1]
  }
}

/** What was called on a stack that cannot suspend has to have answered. */
const settled = (returned: CoreValue | undefined): CoreValue | undefined => {
  if (!isThenable(returned)) return returned
  returned.then(undefined, () => undefined)
  throw cannotWait()
}

const isSuspendError = (error: unknown): boolean => error instanceof engine.SuspendError

/** A wait where none can be: the engine's words for it tell a component's author little. */
export const cannotWait = (): LinkTrap =>
  new LinkTrap('expected no wait in a start function, a reallocation, a post-return or a destructor that one of them calls', 'reentrance')

/** Says in the linker's words what the engine says of a wait where none can be. */
export const asWaitTrap = (error: unknown): unknown => (isSuspendError(error) ? cannotWait() : error)
