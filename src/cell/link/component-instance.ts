import type { CoreValue } from './abi/compiled-type.ts'
import type { CompiledComponent } from './compiled-component.ts'
import { asWaitTrap } from './core-functions.ts'
import { fillImports } from './core-imports.ts'
import { functionAt } from './export-tree.ts'
import type { ResourceOwner } from './guest-resource.ts'
import { InstanceState } from './instance-state.ts'
import type { LiftedFunction } from './lifted-function.ts'
import { ArgumentMismatch, DeclaredError, LinkTrap, type Imports, type Instance, type MeterHooks } from './linker.ts'
import { destroy } from './resource-canons.ts'
import { isLike, restore, takeSnapshot, type Snapshot } from './snapshot.ts'

/** What a call came to that ended as its type says. A declared error is none that was thrown: one from elsewhere must not pass for it. */
type Ending = { readonly value: unknown } | { readonly declared: DeclaredError }

/** Something that the guest is to do when its turn comes. */
interface Task {
  /** Throws or rejects with what ends the instance. */
  run(state: InstanceState): Promise<Ending>
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** What all instances of a component have in common once there is one. */
export interface SnapshotSlot {
  /** Undefined before the first; null when none can be put back. */
  snapshot: Snapshot | undefined | null
}

/** One instance of a component. Its calls run one after the other; whatever throws ends it. */
export class ComponentInstance implements Instance {
  readonly #state: InstanceState
  readonly #snapshot: Snapshot | undefined
  readonly #waiting: Task[] = []
  #running: Task | undefined
  #stage: 'serving' | 'idle' | 'over' = 'serving'

  /** Makes the core instances. Throws {@link LinkTrap}, or what a start function throws. */
  constructor(component: CompiledComponent, given: { readonly imports: Imports; readonly hooks: MeterHooks; readonly slot: SnapshotSlot }) {
    const { imports, hooks, slot } = given
    this.#state = new InstanceState(component, imports, hooks, this.#newOwner())
    start(this.#state)
    if (slot.snapshot === undefined) slot.snapshot = takeSnapshot(this.#state) ?? null
    if (slot.snapshot !== null && isLike(this.#state, slot.snapshot)) this.#snapshot = slot.snapshot
  }

  call(path: readonly string[], args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { component } = this.#state
      const index = functionAt(component.exports, path)
      if (this.#stage !== 'serving') throw this.#notServing()
      const lifted = component.lifted[index]
      if (lifted === undefined) throw new LinkTrap('expected a function of the component', 'link')
      this.#take({ run: (state) => callLifted(state, lifted, args), resolve, reject })
    })
  }

  reset(): boolean {
    const isFree = this.#stage === 'serving' && this.#running === undefined
    if (!isFree || this.#snapshot === undefined || !restore(this.#state, this.#snapshot)) return false
    // Before resources are told of it, which may end the instance.
    this.#stage = 'idle'
    this.#state.reset(this.#newOwner())
    return this.#isIdle()
  }

  serve(hooks: MeterHooks): void {
    if (this.#stage !== 'idle' || this.#snapshot === undefined) throw new LinkTrap('expected an instance that was reset', 'link')
    this.#state.metering.serve(hooks, this.#snapshot.meter)
    this.#state.startSession(hooks)
    this.#stage = 'serving'
  }

  end(reason: Error): void {
    this.#finish(reason, reason)
  }

  fuelUsed(): number {
    return this.#state.metering.fuelUsed()
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    const bytes = this.#state.metering.memoryBytes()
    return { bytes, peakBytes: bytes }
  }

  #isIdle(): boolean {
    return this.#stage === 'idle'
  }

  #newOwner(): ResourceOwner {
    const owner: ResourceOwner = { dropFromHost: (resource, rep) => this.#dropFromHost(owner, resource, rep) }
    return owner
  }

  #dropFromHost(owner: ResourceOwner, resource: number, rep: number): void {
    const destructor = this.#state.component.destructors[resource]
    if (destructor === undefined || this.#stage !== 'serving' || this.#state.owner !== owner) return
    const nothing = (): void => undefined
    this.#take({ run: async (state) => ({ value: await destroy(state, destructor, rep) }), resolve: nothing, reject: nothing })
  }

  #notServing(): LinkTrap {
    return this.#stage === 'idle'
      ? new LinkTrap('the instance serves no session', 'over')
      : new LinkTrap('the instance has trapped before or was ended', 'poisoned')
  }

  #take(task: Task): void {
    if (this.#running === undefined) this.#run(task)
    else this.#waiting.push(task)
  }

  #run(task: Task): void {
    this.#running = task
    try {
      task.run(this.#state).then(
        (ending) => this.#settle(task, ending),
        (error: unknown) => this.#trapped(task, error),
      )
    } catch (error) {
      this.#trapped(task, error)
    }
  }

  #settle(task: Task, ending: Ending): void {
    if (this.#running !== task) return
    this.#running = undefined
    if ('declared' in ending) task.reject(ending.declared)
    else task.resolve(ending.value)
    const next = this.#waiting.shift()
    if (next !== undefined) this.#run(next)
  }

  #trapped(task: Task, error: unknown): void {
    // What was ended from outside has been told why already.
    if (this.#running !== task) return
    this.#finish(this.#state.metering.trap ?? error, new LinkTrap('the instance has trapped before', 'poisoned'))
  }

  #finish(ofRunning: unknown, ofWaiting: Error): void {
    if (this.#stage === 'over') return
    this.#stage = 'over'
    const running = this.#running
    const waiting = this.#waiting.splice(0)
    this.#running = undefined
    this.#state.end(ofRunning)
    running?.reject(ofRunning)
    for (const task of waiting) task.reject(ofWaiting)
  }
}

/** Makes the core instances of `state`, in order. */
const start = (state: InstanceState): void => {
  const { component, functions, metering } = state
  const resolve = functions.importAt.bind(functions)
  try {
    for (const { core, imports } of component.steps) functions.add(metering.instantiateCore(core, fillImports(imports, resolve)).exports)
  } catch (error) {
    const cause = metering.trap ?? asWaitTrap(error)
    state.end(cause)
    throw cause
  }
  functions.started()
}

const callLifted = (state: InstanceState, lifted: LiftedFunction, args: readonly unknown[]): Promise<Ending> => {
  return state.functions
    .promising(lifted.core)(...lowered(state, lifted, args))
    .then((returned) => finishLifted(state, lifted, returned))
}

const lowered = (state: InstanceState, lifted: LiftedFunction, args: readonly unknown[]): CoreValue[] => {
  try {
    return lifted.begin(state, args)
  } catch (error) {
    throw error instanceof TypeError ? new ArgumentMismatch(error) : error
  }
}

const finishLifted = (state: InstanceState, lifted: LiftedFunction, returned: CoreValue | undefined): Ending => {
  const value = lifted.finish(state, returned, (result) => result)
  if (!lifted.type.declaresError) return { value }
  const { tag, val } = value as { readonly tag: 'ok' | 'err'; readonly val: unknown }
  return tag === 'err' ? { declared: new DeclaredError(val) } : { value: val }
}
