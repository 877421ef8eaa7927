import type { CanonicalOptions } from '#core/component/component-plan.ts'
import { checkRange } from './abi/abi-type.ts'
import type { CallScope } from './abi/compiled-type.ts'
import { BorrowScope, LendScope } from './abi/handle-table.ts'
import { GuestResource } from './guest-resource.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { InstanceState } from './instance-state.ts'
import { LinkTrap } from './linker.ts'

/** One side of a canonical function, the same for all instances. */
export interface ScopePlan {
  /** Component instance. */
  readonly instance: number
  readonly options: CanonicalOptions
  /** Whether JavaScript is on the other side, which holds guests' resources as objects, or another component, which is given representations. */
  readonly facesHost: boolean
}

/** What one call has borrowed and lent. */
class Loans {
  readonly lends = new LendScope()
  readonly borrows = new BorrowScope()
  /** Guests' resources that the host lent. */
  readonly resources: GuestResource[] = []

  giveBack(): void {
    for (const resource of this.resources) resource.giveBack()
    this.resources.length = 0
  }
}

/** One side of a canonical function in one instance. A call begins and ends; another one of the same function may be made and end in between. */
export class GuestScope implements CallScope {
  readonly encoding: CanonicalOptions['encoding']
  readonly #state: InstanceState
  readonly #plan: ScopePlan
  /** Of the innermost call; those of the calls around it. */
  #loans = new Loans()
  #outer: Loans[] = []
  #calls = 0
  #memory: GuestMemory | undefined

  constructor(state: InstanceState, plan: ScopePlan) {
    this.#state = state
    this.#plan = plan
    this.encoding = plan.options.encoding
  }

  bytes(): Uint8Array {
    return this.#ownMemory().bytes()
  }

  view(): DataView {
    return this.#ownMemory().view()
  }

  realloc(old: number, oldSize: number, align: number, newSize: number): number {
    const { instance, options } = this.#plan
    if (options.realloc === undefined) throw new LinkTrap('expected the option `realloc`', 'link')
    const at = this.#state.callStuck(instance, options.realloc, [old, oldSize, align, newSize])
    if (typeof at !== 'number') throw new LinkTrap('expected a pointer from `realloc`', 'realloc')
    return this.#checked(at >>> 0, align, newSize)
  }

  liftOwn(resource: number, handle: number): unknown {
    const { instance, facesHost } = this.#plan
    const rep = this.#state.tableOf(instance).takeOwn(resource, handle)
    return facesHost && typeof rep === 'number' ? new GuestResource(this.#state.owner, { resource, rep }) : rep
  }

  liftBorrow(resource: number, handle: number): unknown {
    const { instance, facesHost } = this.#plan
    const rep = this.#state.tableOf(instance).lend(resource, handle, this.#loans.lends)
    // No import can name a type that the component itself defines, and no result can be borrowed.
    if (facesHost && typeof rep === 'number') throw new LinkTrap('expected no resource of the guest to be lent to the host', 'link')
    return rep
  }

  lowerOwn(resource: number, value: unknown): number {
    return this.#state.tableOf(this.#plan.instance).addOwn(resource, this.#representation(resource, value, true))
  }

  lowerBorrow(resource: number, value: unknown): number {
    const { instance } = this.#plan
    const rep = this.#representation(resource, value, false)
    // Who defined the type is given what it made the resource of (`lower_borrow`; CanonicalABI.md, "Storing").
    if (typeof rep === 'number' && this.#state.definerOf(resource) === instance) return rep
    return this.#state.tableOf(instance).addBorrow(resource, rep, this.#loans.borrows)
  }

  charge(elements: number, bytes: number): void {
    this.#state.lifting.charge(elements, bytes)
  }

  /** A call begins. */
  begin(): void {
    if (this.#calls++ === 0) return
    this.#outer.push(this.#loans)
    this.#loans = new Loans()
  }

  /** It has returned: what was lent for it is free again. Throws {@link LinkTrap} `handle` when the callee kept what it was lent. */
  end(): void {
    this.#loans.borrows.end()
    this.#loans.lends.end()
    this.#loans.giveBack()
    if (--this.#calls > 0) this.#loans = this.#outer.pop() ?? new Loans()
  }

  /** What a table keeps for `value`: the number that a guest chose, or the host's object. */
  #representation(resource: number, value: unknown, moves: boolean): unknown {
    if (!this.#plan.facesHost) return value
    if (this.#state.definerOf(resource) === undefined) return this.#state.expectHostResource(resource, value)
    if (moves) return GuestResource.move(value, this.#state.owner, resource)
    const rep = GuestResource.lend(value, this.#state.owner, resource)
    if (value instanceof GuestResource) this.#loans.resources.push(value)
    return rep
  }

  /** CanonicalABI.md checks it wherever it allocates ("Storing", "Lifting and Lowering Values"). */
  #checked(at: number, align: number, size: number): number {
    try {
      checkRange(this, at, align, size)
    } catch (error) {
      throw error instanceof LinkTrap ? new LinkTrap(`realloc: ${error.message}`, 'realloc') : error
    }
    return at
  }

  #ownMemory(): GuestMemory {
    const { memory } = this.#plan.options
    if (memory === undefined) throw new LinkTrap('expected the option `memory`', 'link')
    return (this.#memory ??= this.#state.memoryAt(memory))
  }
}
