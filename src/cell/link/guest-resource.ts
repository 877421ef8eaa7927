import { LinkTrap } from './linker.ts'

/** Whose a resource is: one instance while it serves one session. */
export interface ResourceOwner {
  /** Calls the destructor of `resource` for `rep`, in the instance's turn. */
  dropFromHost(resource: number, rep: number): void
}

/**
 * A resource of a guest as its host holds it. Good in the instance that gave it, for the session it gave it in, until it is passed back as
 * `own` or disposed of.
 */
export class GuestResource {
  #owner: ResourceOwner | undefined
  readonly #resource: number
  readonly #rep: number
  #lends = 0

  constructor(owner: ResourceOwner, handle: { readonly resource: number; readonly rep: number }) {
    this.#owner = owner
    this.#resource = handle.resource
    this.#rep = handle.rep
  }

  /** Passes ownership to `owner`'s guest; gives the representation. Throws {@link LinkTrap} `handle`. */
  static move(value: unknown, owner: ResourceOwner, resource: number): number {
    const given = expectOf(value)
    const rep = given.#repFor(owner, resource)
    if (given.#lends > 0) throw new LinkTrap('expected a resource that nobody borrows', 'handle')
    given.#owner = undefined
    return rep
  }

  /** Lends it until {@link GuestResource.giveBack}; gives the representation. Throws {@link LinkTrap} `handle`. */
  static lend(value: unknown, owner: ResourceOwner, resource: number): number {
    const given = expectOf(value)
    const rep = given.#repFor(owner, resource)
    given.#lends++
    return rep
  }

  /** Ends a loan. */
  giveBack(): void {
    this.#lends--
  }

  /** Drops it, once, after the calls that were made before. */
  [Symbol.dispose](): void {
    const owner = this.#owner
    this.#owner = undefined
    owner?.dropFromHost(this.#resource, this.#rep)
  }

  #repFor(owner: ResourceOwner, resource: number): number {
    if (this.#owner === undefined) throw new LinkTrap('expected a resource that is still held, got one that was moved or dropped', 'handle')
    if (this.#owner !== owner) throw new LinkTrap('expected a resource of this instance, got one of another', 'handle')
    if (this.#resource !== resource) throw new LinkTrap('expected a resource of the type that is asked for, got one of another', 'handle')
    return this.#rep
  }
}

const expectOf = (value: unknown): GuestResource => {
  if (value instanceof GuestResource) return value
  throw new TypeError(`expected a resource that the component made, got ${value === null ? 'null' : typeof value}`)
}
