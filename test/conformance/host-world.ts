import { WitError } from '#cell/adapters/wit-error.ts'
import type { FunctionType, RootImport } from '#core/component/component-plan.ts'
import { lowerCamel } from '#core/component/js-names.ts'

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

/** An interface of which every function gives its argument back: an `err` by throwing it, as a host does. */
const echoInterface = 'test:host/echo'

const echo = (type: FunctionType) => (value: unknown) => {
  if (type.result?.kind !== 'result') return value
  const { tag, val } = value as { readonly tag: string; readonly val?: unknown }
  if (tag === 'err') throw new WitError(val)
  return val
}

const echoes = (wanted: RootImport): Readonly<Record<string, unknown>> =>
  Object.freeze(
    Object.assign(
      Object.create(null) as object,
      Object.fromEntries(wanted.functions.map(({ name, type }) => [lowerCamel(name), echo(type)])),
    ),
  )

/**
 * What scripts may import without registering it: the instance `host` and two functions, under the names that the public suites
 * expect of whoever runs them; and for our own scripts {@link echoInterface}.
 */
export class HostWorld {
  readonly #host = members()

  /** The members of an import in JavaScript's convention; undefined when the host has none of the name. */
  membersFor(wanted: RootImport): Readonly<Record<string, unknown>> | undefined {
    if (wanted.kind === 'instance' && wanted.name === 'host') return this.#host
    if (wanted.kind === 'instance' && wanted.name === echoInterface) return echoes(wanted)
    if (wanted.kind !== 'func') return undefined
    if (wanted.name === 'host-return-two') return Object.freeze({ default: () => 2 })
    return wanted.name === 'host-echo-u32' ? Object.freeze({ default: (value: number) => value }) : undefined
  }
}

/** Whether a host function, or one of another instance of the script, may answer with a promise. */
export const mayWait = (interfaceId: string, member: string): boolean =>
  interfaceId === 'host' ? member.endsWith('slowly') : interfaceId !== echoInterface && !interfaceId.startsWith('host-')
