import { LinkTrap } from '#cell/link/linker.ts'

/** Longest table of the canonical ABI (`Table.MAX_LENGTH`; CanonicalABI.md, "Table State"). */
const maxTableLength = 2 ** 28 - 1

/** Handles that the tables of one instance may hold together when nobody says otherwise: what an agent with a thousand open requests needs, at some 10 MB. */
const defaultMaxHandles = 65_536

/** Bounds the entries of several tables together. */
export class HandleQuota {
  #max: number
  #live = 0

  constructor(max: number = defaultMaxHandles) {
    this.#max = max
  }

  /** Sets another bound, for the next session. */
  limit(max: number = defaultMaxHandles): void {
    this.#max = max
  }

  /** Throws LinkTrap `budget` when there is no room for one more. */
  take(): void {
    if (this.#live >= this.#max) throw new LinkTrap(`expected at most ${this.#max} open handles`, 'budget')
    this.#live++
  }

  give(count: number): void {
    this.#live -= count
  }
}

/** One call into an instance, which may not return while it has handles that were lent to it (`Task.num_borrows`). */
export class BorrowScope {
  #open = 0

  /** How many borrowed handles are still in the table. */
  get open(): number {
    return this.#open
  }

  borrowed(): void {
    this.#open++
  }

  dropped(): void {
    this.#open--
  }

  /** Throws LinkTrap `handle` when a borrowed handle outlives the call (`Task.exit`; CanonicalABI.md, "Tasks"). */
  end(): void {
    if (this.#open !== 0)
      throw new LinkTrap(`expected borrowed handles to be dropped before the call returns, ${this.#open} are left`, 'handle')
  }
}

/** One call out of an instance, for as long as which the handles that it lends cannot be moved or dropped (`Subtask.lenders`). */
export class LendScope {
  readonly #lenders: Entry[] = []

  lent(entry: Entry): void {
    entry.lends++
    this.#lenders.push(entry)
  }

  /** The call has returned: what it lent is free again (`Subtask.deliver_resolve`; CanonicalABI.md, "Subtask State"). Idempotent. */
  end(): void {
    for (const entry of this.#lenders) entry.lends--
    this.#lenders.length = 0
  }
}

/** A handle in a table (`ResourceHandle`). */
interface Entry {
  readonly resource: number
  readonly representation: unknown
  readonly own: boolean
  readonly scope: BorrowScope | undefined
  lends: number
}

/** What a handle stood for that is no longer in its table. */
export interface DroppedHandle {
  readonly resource: number
  readonly representation: unknown
  /** Whether its resource ends with it. */
  readonly own: boolean
}

/**
 * The handles of one component instance, of all its resource types (`Table`; CanonicalABI.md, "Table State" and "Resource State"). Guests see indices only, from
 * 1 on, the last that was freed first. A handle that is not what it is used as traps with code `handle`: the instance can only be ended then.
 */
export class HandleTable {
  readonly #quota: HandleQuota
  readonly #entries: (Entry | undefined)[] = [undefined]
  readonly #free: number[] = []

  constructor(quota: HandleQuota = new HandleQuota()) {
    this.#quota = quota
  }

  /** How many handles are in it. */
  get live(): number {
    return this.#entries.length - 1 - this.#free.length
  }

  /** Adds a handle that owns (`lower_own`, `canon resource.new`). Throws LinkTrap `budget`. */
  addOwn(resource: number, representation: unknown): number {
    return this.#add({ resource, representation, own: true, scope: undefined, lends: 0 })
  }

  /** Adds a handle that is lent to the call `scope` (`lower_borrow`). Throws LinkTrap `budget`. */
  addBorrow(resource: number, representation: unknown, scope: BorrowScope): number {
    const index = this.#add({ resource, representation, own: false, scope, lends: 0 })
    scope.borrowed()
    return index
  }

  /** What the handle stands for (`canon resource.rep`). */
  representation(resource: number, index: number): unknown {
    return this.#get(resource, index).representation
  }

  /** Moves an owning handle out (`lift_own`) and gives what it stands for. */
  takeOwn(resource: number, index: number): unknown {
    const entry = this.#get(resource, index)
    checkNotLent(entry, index)
    if (!entry.own) throw new LinkTrap(`expected handle ${index} to be owned, it is borrowed`, 'handle')
    this.#remove(index)
    return entry.representation
  }

  /** Lends a handle to the call `scope` (`lift_borrow`) and gives what it stands for. */
  lend(resource: number, index: number, scope: LendScope): unknown {
    const entry = this.#get(resource, index)
    scope.lent(entry)
    return entry.representation
  }

  /** Takes a handle out (`canon resource.drop`). An owned one's resource is the caller's to end. */
  drop(resource: number, index: number): DroppedHandle {
    const entry = this.#get(resource, index)
    checkNotLent(entry, index)
    this.#remove(index)
    entry.scope?.dropped()
    return entry
  }

  /** All handles, in order of their indices: when the instance ends, the owned ones are to be dropped. */
  *[Symbol.iterator](): IterableIterator<DroppedHandle> {
    for (const entry of this.#entries) if (entry !== undefined) yield entry
  }

  /** Empties it, as if the instance were new: the next handle is 1 again. Calls nothing. */
  reset(): void {
    this.#quota.give(this.live)
    this.#entries.length = 1
    this.#free.length = 0
  }

  #add(entry: Entry): number {
    this.#quota.take()
    const freed = this.#free.pop()
    if (freed !== undefined) {
      this.#entries[freed] = entry
      return freed
    }
    const index = this.#entries.length
    if (index > maxTableLength) throw new LinkTrap(`expected at most ${maxTableLength} handles`, 'budget')
    this.#entries.push(entry)
    return index
  }

  /** Any number that a guest can make up is a possible `index`. */
  #get(resource: number, index: number): Entry {
    const entry = this.#entries[index >>> 0]
    if (entry === undefined) throw new LinkTrap(`expected a live handle, got ${index >>> 0}`, 'handle')
    if (entry.resource !== resource) {
      throw new LinkTrap(`expected handle ${index} to be of resource type ${resource}, it is of type ${entry.resource}`, 'handle')
    }
    return entry
  }

  #remove(index: number): void {
    this.#entries[index >>> 0] = undefined
    this.#free.push(index >>> 0)
    this.#quota.give(1)
  }
}

const checkNotLent = ({ lends }: Entry, index: number): void => {
  if (lends !== 0) throw new LinkTrap(`expected handle ${index} not to be lent, ${lends} calls have it`, 'handle')
}
