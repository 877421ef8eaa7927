import type { CoreType, CoreValue } from './abi/compiled-type.ts'
import type { CompiledCanon, Returned } from './canons.ts'
import { compileFunction, type CompiledFunction } from './compiled-function.ts'
import type { FunctionType } from '#core/component/component-plan.ts'
import type { InstanceState } from './instance-state.ts'
import { isThenable } from './metering.ts'

/** A host function as a guest imports it (`canon lower`). */
export interface HostCallPlan {
  /** Component instance of the caller. */
  readonly instance: number
  /** Index of the caller's side. */
  readonly scope: number
  /** Index of the function in the component. */
  readonly function: number
  readonly type: FunctionType
  readonly isAsync: boolean
}

/** Calls a host function for a guest: lifts, calls, lowers. */
export class HostCall implements CompiledCanon {
  readonly waits: 'never' | 'always'
  readonly params: readonly CoreType[]
  readonly results: readonly CoreType[]
  readonly #plan: HostCallPlan
  readonly #type: CompiledFunction

  constructor(plan: HostCallPlan) {
    this.#plan = plan
    this.#type = compileFunction(plan.type)
    this.waits = plan.isAsync ? 'always' : 'never'
    this.params = loweredParams(this.#type)
    this.results = this.#type.result.flat
  }

  run(state: InstanceState, args: readonly CoreValue[]): Returned {
    const { instance, scope, isAsync } = this.#plan
    state.expectMayLeave(instance)
    const caller = state.scopeAt(scope)
    caller.begin()
    state.lifting.startCall()
    const values = this.#type.params.lift(caller, args)
    const given = this.#call(state, values)
    if (isAsync && isThenable(given)) return this.#wait(state, given, args)
    state.metering.returned()
    return this.#finish(state, given, args)
  }

  #call(state: InstanceState, values: readonly unknown[]): unknown {
    const run = state.hostFunction(this.#plan.function)
    try {
      return this.#returned(run(values))
    } catch (error) {
      return this.#declared(error)
    }
  }

  /** A promise is looked into when it has settled. */
  #returned(value: unknown): unknown {
    return this.#type.declaresError && !(this.#plan.isAsync && isThenable(value)) ? { tag: 'ok', val: value } : value
  }

  /** An error with a payload of its own is the `err` that the function declares; any other one ends the instance. */
  #declared(error: unknown): unknown {
    if (!this.#type.declaresError || typeof error !== 'object' || error === null || !Object.hasOwn(error, 'payload')) throw error
    return { tag: 'err', val: (error as { readonly payload: unknown }).payload }
  }

  #wait(state: InstanceState, given: PromiseLike<unknown>, args: readonly CoreValue[]): Promise<CoreValue | undefined> {
    return state.wait(given, {
      returned: (value) => this.#returned(value),
      failed: (error) => this.#declared(error),
      finish: (value) => this.#finish(state, value, args),
    })
  }

  #finish(state: InstanceState, value: unknown, args: readonly CoreValue[]): CoreValue | undefined {
    const scope = state.scopeAt(this.#plan.scope)
    const result = this.#type.result.lower(scope, value, resultPointer(this.#type, args))
    scope.end()
    return result
  }
}

/** Core parameters of a lowered function: a result that does not fit goes to where the last points. */
export const loweredParams = ({ params, result }: CompiledFunction): readonly CoreType[] =>
  result.spilled ? [...params.flat, 'i32'] : params.flat

/** Where the result goes that a caller with `args` gets through memory. */
export const resultPointer = ({ params, result }: CompiledFunction, args: readonly CoreValue[]): number =>
  result.spilled ? Number(args[params.flat.length]) >>> 0 : 0
