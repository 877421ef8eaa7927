import type { CoreReference } from '#core/component/component-plan.ts'
import type { CoreValue } from './abi/compiled-type.ts'
import { HandleQuota, HandleTable } from './abi/handle-table.ts'
import { LiftingMeter } from './abi/lifting-meter.ts'
import type { CompiledComponent } from './compiled-component.ts'
import { cannotWait, CoreFunctions } from './core-functions.ts'
import type { ResourceOwner } from './guest-resource.ts'
import { GuestMemory, type CoreMemory } from './guest-memory.ts'
import { GuestScope } from './guest-scope.ts'
import { resolveClasses, resolveMember, type HostFunction } from './host-functions.ts'
import { LinkTrap, type Imports, type MeterHooks } from './linker.ts'
import { Metering } from './metering.ts'
import { disposeOf } from './resource-canons.ts'

/** What becomes of what a host function is waited for. */
export interface Settling {
  readonly returned: (value: unknown) => unknown
  /** Throws what is not declared. */
  readonly failed: (error: unknown) => unknown
  readonly finish: (value: unknown) => CoreValue | undefined
}

/** What the canonical functions of one instance share. */
export class InstanceState {
  readonly component: CompiledComponent
  readonly metering: Metering
  readonly lifting: LiftingMeter
  readonly functions: CoreFunctions
  /** Whose the resources are that the host holds; another one for each session. */
  owner: ResourceOwner
  readonly #hostFunctions: readonly (HostFunction | undefined)[]
  /** By resource: the host's classes. */
  readonly #classes: ReturnType<typeof resolveClasses>
  readonly #quota: HandleQuota
  readonly #tables: (HandleTable | undefined)[] = []
  readonly #scopes: (GuestScope | undefined)[] = []
  readonly #memories = new Map<unknown, GuestMemory>()
  /** By component instance: whether a call is inside, and whether it must not call out. */
  readonly #entered: Uint8Array
  readonly #stays: Uint8Array
  #calledHost = false
  #stopWaiting: ((reason: unknown) => void) | undefined

  /** Throws {@link LinkTrap} `link` when the host lacks a function or a class that the component imports. */
  constructor(component: CompiledComponent, imports: Imports, hooks: MeterHooks, owner: ResourceOwner) {
    this.component = component
    this.owner = owner
    this.#hostFunctions = component.members.map((member) => member && resolveMember(imports, member))
    this.#classes = resolveClasses(imports, component.classes)
    this.metering = new Metering(hooks)
    this.lifting = new LiftingMeter(hooks.lifting)
    this.functions = new CoreFunctions(this)
    this.#quota = new HandleQuota(hooks.maxHandles)
    this.#entered = new Uint8Array(component.plan.instances.length)
    this.#stays = new Uint8Array(component.plan.instances.length)
  }

  /** Whether it was instantiated without help of the host, and without handles: so would be any other. */
  get startedAlone(): boolean {
    return !this.#calledHost && !this.metering.growthRefused && this.#tables.length === 0
  }

  scopeAt(index: number): GuestScope {
    const known = this.#scopes[index]
    if (known !== undefined) return known
    const plan = this.component.scopes[index]
    if (plan === undefined) throw new LinkTrap(`expected a plan of scope ${index}`, 'link')
    return (this.#scopes[index] = new GuestScope(this, plan))
  }

  tableOf(instance: number): HandleTable {
    return (this.#tables[instance] ??= new HandleTable(this.#quota))
  }

  hostFunction(index: number): HostFunction {
    const found = this.#hostFunctions[index]
    if (found === undefined) throw new LinkTrap(`expected function ${index} to be the host's`, 'link')
    this.#calledHost = true
    return found
  }

  memoryAt(reference: CoreReference): GuestMemory {
    const found = this.functions.exportAt(reference)
    const known = this.#memories.get(found)
    if (known !== undefined) return known
    const { memories, pages } = this.metering.memories
    const made = new GuestMemory(found as CoreMemory, pages[memories.indexOf(found)])
    this.#memories.set(found, made)
    return made
  }

  /** Which component instance defines a resource type; undefined for the host's. */
  definerOf(resource: number): number | undefined {
    const plan = this.component.plan.resources[resource]
    return plan?.from === 'component' ? plan.instance : undefined
  }

  /** Gives `value` back. Throws TypeError unless the host made it as the class that its imports have for `resource`. */
  expectHostResource(resource: number, value: unknown): unknown {
    const found = this.#classes[resource]
    if (found === undefined) throw new TypeError(`expected the host to have a class for resource ${resource}`)
    if (!(value instanceof found)) throw new TypeError(`expected a resource of the host's class \`${found.name}\``)
    return value
  }

  /** Throws {@link LinkTrap} `reentrance` while an instance may not call out (`may_leave`; CanonicalABI.md, "Component Instances"). */
  expectMayLeave(instance: number): void {
    if (this.#stays[instance] !== 0) throw new LinkTrap('expected no call out of a reallocation or a post-return', 'reentrance')
  }

  /** Enters component instances; throws {@link LinkTrap} `reentrance` when one was entered already (`may_enter`). */
  enter(instances: readonly number[]): void {
    for (const instance of instances) {
      if (this.#entered[instance] !== 0) throw new LinkTrap('expected a component that is not inside a call already', 'reentrance')
    }
    for (const instance of instances) this.#entered[instance] = 1
  }

  exit(instances: readonly number[]): void {
    for (const instance of instances) this.#entered[instance] = 0
  }

  /** Calls `core` of a component instance, which may neither wait nor call out meanwhile: its reallocation or a post-return. */
  callStuck(instance: number, core: CoreReference, args: readonly CoreValue[]): CoreValue | undefined {
    const before = this.#stays[instance] ?? 0
    this.#stays[instance] = 1
    this.metering.stick()
    try {
      return this.functions.callAt(core, args)
    } finally {
      this.metering.unstick()
      this.#stays[instance] = before
    }
  }

  /**
   * Waits for the host and then for a turn. One wait at a time: an instance is in one call at most. Throws {@link LinkTrap} where none can be: the engine lets
   * a start function that is itself a host function go on while it waits; and when the host function has ended the instance.
   */
  wait(given: PromiseLike<unknown>, { returned, failed, finish }: Settling): Promise<CoreValue | undefined> {
    try {
      if (!this.metering.canSuspend) throw cannotWait()
      this.metering.returned()
    } catch (error) {
      given.then(undefined, () => undefined)
      throw error
    }
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => unknown): void => {
        try {
          const value = outcome()
          const turn = this.metering.turn()
          if (turn === undefined) resolve(finish(value))
          else turn.then(() => finish(value)).then(resolve, reject)
        } catch (error) {
          reject(error)
        }
      }
      this.#stopWaiting = waitFor(given, {
        settled: (value) => settle(() => returned(value)),
        rejected: (error) => settle(() => failed(error)),
        stopped: reject,
      })
    })
  }

  /** Lets nothing of the guest go on: what waits rejects with `reason`, handles are dropped. Idempotent. */
  end(reason: unknown): void {
    this.metering.stop(reason)
    this.#stopWaiting?.(reason)
    this.#stopWaiting = undefined
    this.#dropHandles()
  }

  /** Lets go of everything that belongs to a session. */
  reset(owner: ResourceOwner): void {
    this.owner = owner
    this.#stopWaiting = undefined
    this.#dropHandles()
    this.#scopes.length = 0
    for (const memory of this.#memories.values()) memory.forget()
  }

  /** Begins a session. */
  startSession(hooks: MeterHooks): void {
    this.lifting.startSession(hooks.lifting)
    this.#quota.limit(hooks.maxHandles)
  }

  #dropHandles(): void {
    for (const table of this.#tables) {
      if (table === undefined || table.live === 0) continue
      const handles = [...table]
      table.reset()
      for (const { own, representation } of handles) if (own) endQuietly(representation)
    }
  }
}

interface Waiter {
  readonly settled: (value: unknown) => void
  readonly rejected: (error: unknown) => void
  readonly stopped: (reason: unknown) => void
}

/** Waits until it settles or the function that it gives is called; a promise that never settles holds on to nothing then. */
const waitFor = (given: PromiseLike<unknown>, waiter: Waiter): Waiter['stopped'] => {
  let waiting: Waiter | undefined = waiter
  const take = (): Waiter | undefined => {
    const taken = waiting
    waiting = undefined
    return taken
  }
  given.then(
    (value) => take()?.settled(value),
    (error: unknown) => take()?.rejected(error),
  )
  return (reason) => take()?.stopped(reason)
}

/** What one resource does when it ends must not keep the others from it; whoever made it hears of its errors in its own way. */
const endQuietly = (resource: unknown): void => {
  try {
    disposeOf(resource)
  } catch {
    // There is nobody left to tell.
  }
}
