import type { RootImport } from '#core/component/component-plan.ts'

/** A resource of the host: what it was made with, until the guest drops it. */
class HostResource {
  readonly #rep: number
  readonly #state: ResourceState

  constructor(state: ResourceState, rep: number) {
    this.#state = state
    this.#rep = rep
  }

  get rep(): number {
    return this.#rep
  }

  [Symbol.dispose](): void {
    this.#state.drops += 1
    this.#state.lastDrop = this.#rep
  }
}

interface ResourceState {
  drops: number
  lastDrop: number
}

const expectRep = (resource: HostResource, rep: number): void => {
  if (resource.rep !== rep) throw new TypeError(`expected a resource that was made with ${rep}, got one of ${resource.rep}`)
}

/** Methods as jco's convention has them, on a class for each script. */
const resourceClass = (state: ResourceState): unknown =>
  class Resource1 extends HostResource {
    constructor(rep: number) {
      super(state, rep)
    }
    static assert(resource: HostResource, rep: number): void {
      expectRep(resource, rep)
    }
    static lastDrop(): number {
      return state.lastDrop
    }
    static drops(): number {
      return state.drops
    }
    simple(rep: number): void {
      expectRep(this, rep)
    }
    takeBorrow(other: HostResource): number {
      return other.rep
    }
    takeOwn(other: HostResource): number {
      return other.rep
    }
  }

/** Both classes have the same members; they are two types all the same. */
const members = (): Readonly<Record<string, unknown>> => {
  const first = resourceClass({ drops: 0, lastDrop: 0 })
  return Object.freeze(
    Object.assign(Object.create(null) as object, {
      returnTwo: () => 2,
      returnThree: () => 3,
      returnTwoSlowly: () => new Promise((resolve) => setImmediate(resolve, 2)),
      echoSlowly: (value: number) => new Promise((resolve) => setImmediate(resolve, value)),
      returnHi: () => 'hi',
      Resource1: first,
      Resource1Again: first,
      Resource2: resourceClass({ drops: 0, lastDrop: 0 }),
    }),
  )
}

/**
 * What scripts may import without registering it: the instance `host` and two functions, under the names that the public suites
 * expect of whoever runs them.
 */
export class HostWorld {
  readonly #host = members()

  membersFor(wanted: RootImport): Readonly<Record<string, unknown>> | undefined {
    if (wanted.kind === 'instance' && wanted.name === 'host') return this.#host
    if (wanted.kind !== 'func') return undefined
    if (wanted.name === 'host-return-two') return Object.freeze({ default: () => 2 })
    return wanted.name === 'host-echo-u32' ? Object.freeze({ default: (value: number) => value }) : undefined
  }
}
