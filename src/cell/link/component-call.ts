import type { CoreType, CoreValue } from './abi/compiled-type.ts'
import type { CompiledCanon, Returned } from './canons.ts'
import { loweredParams, resultPointer } from './host-call.ts'
import type { InstanceState } from './instance-state.ts'
import type { LiftedFunction } from './lifted-function.ts'

/** A function of one component as another imports it (`canon lower` of a `canon lift`). */
export interface ComponentCallPlan {
  /** Component instance of the caller. */
  readonly instance: number
  /** Index of the caller's side. */
  readonly scope: number
  readonly callee: LiftedFunction
}

/**
 * Calls from component to component: what is lifted on one side is lowered on the other, and both may wait. A parent and its children may call each other, as a
 * call enters only what its caller is not inside of (CanonicalABI.md, "Component Instances", the entering set). The reference test async/trap-on-reenter.wast is
 * stricter "for now": there every call between parent and child traps.
 */
export class ComponentCall implements CompiledCanon {
  readonly waits = 'either'
  readonly params: readonly CoreType[]
  readonly results: readonly CoreType[]
  readonly #plan: ComponentCallPlan

  constructor(plan: ComponentCallPlan) {
    this.#plan = plan
    this.params = loweredParams(plan.callee.type)
    this.results = plan.callee.type.result.flat
  }

  run(state: InstanceState, args: readonly CoreValue[]): Returned {
    const { instance, callee } = this.#plan
    state.expectMayLeave(instance)
    const flat = this.#pass(state, args)
    return state.functions.callEither(callee.core, flat, (returned) => this.#finish(state, returned, args))
  }

  /**
   * Lifts the arguments and lowers them into the callee. Apart from the call, so that what was lifted lies on no stack while the callee runs: callees call
   * others, and each passes as much as a call may.
   */
  #pass(state: InstanceState, args: readonly CoreValue[]): readonly CoreValue[] {
    const { scope, callee } = this.#plan
    const caller = state.scopeAt(scope)
    caller.begin()
    state.lifting.startCall()
    return callee.begin(state, callee.type.params.lift(caller, args))
  }

  #finish(state: InstanceState, returned: CoreValue | undefined, args: readonly CoreValue[]): CoreValue | undefined {
    const { scope: caller, callee } = this.#plan
    const scope = state.scopeAt(caller)
    const result = callee.finish(state, returned, (value) => callee.type.result.lower(scope, value, resultPointer(callee.type, args)))
    scope.end()
    // Passing values on takes no fuel: a loop of such calls would keep the thread.
    state.metering.returned()
    return result
  }
}
