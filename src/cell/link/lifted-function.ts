import type { CoreReference, FunctionPlan } from '#core/component/component-plan.ts'
import type { CoreValue } from './abi/compiled-type.ts'
import { compileFunction, type CompiledFunction } from './compiled-function.ts'
import type { InstanceState } from './instance-state.ts'

type Lift = FunctionPlan & { readonly from: 'lift' }

/** A function that a component exports (`canon lift`), for one kind of caller; compiled once per component. */
export class LiftedFunction {
  readonly #plan: Lift
  readonly #type: CompiledFunction
  /** Index of the callee's side. */
  readonly #scope: number
  /** Component instances that a call enters. */
  readonly #entered: readonly number[]

  constructor(plan: Lift, scope: number, entered: readonly number[]) {
    this.#plan = plan
    this.#type = compileFunction(plan.type)
    this.#scope = scope
    this.#entered = entered
  }

  /** Its types. */
  get type(): CompiledFunction {
    return this.#type
  }

  /** What runs. */
  get core(): CoreReference {
    return this.#plan.core
  }

  /** Enters the instance and lowers the arguments into it. Throws LinkTrap; TypeError for values that are not of the parameters' types. */
  begin(state: InstanceState, values: readonly unknown[]): CoreValue[] {
    state.enter(this.#entered)
    const scope = state.scopeAt(this.#scope)
    scope.begin()
    const out: CoreValue[] = []
    this.#type.params.lower(scope, values, out)
    return out
  }

  /**
   * Lifts what the core function returned, hands it to `deliver`, lets the guest clean up and leaves (`canon_lift`; CanonicalABI.md). Throws LinkTrap.
   */
  finish<T>(state: InstanceState, returned: CoreValue | undefined, deliver: (value: unknown) => T): T {
    const scope = state.scopeAt(this.#scope)
    state.lifting.startCall()
    const value = this.#type.result.lift(scope, returned)
    scope.end()
    const delivered = deliver(value)
    const { instance, options } = this.#plan
    if (options.postReturn !== undefined) state.callStuck(instance, options.postReturn, returned === undefined ? [] : [returned])
    state.exit(this.#entered)
    return delivered
  }
}
