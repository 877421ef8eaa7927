import type { ExportedFunction } from '#core/artifact.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import type { RootExport, RootImport } from '#core/component/component-plan.ts'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import { DeclaredError, LinkTrap, type Imports, type Instance, type MeterHooks } from '#cell/link/linker.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { HostWorld, mayWait } from './host-world.ts'
import type { MadeComponent } from './made-component.ts'

/** Something took too long to be anything but a hang. */
class Hang extends Error {
  constructor() {
    super(`no answer within ${patienceMs} ms`)
    this.name = 'Hang'
  }
}

/** The component imports what neither the script nor the host of this harness has. */
export class Unprovided extends Error {
  constructor(what: string, name: string) {
    super(`it imports the ${what} \`${name}\`, which nothing here provides`)
    this.name = 'Unprovided'
  }
}

/** An instance with the component it came from. */
export interface LiveInstance {
  readonly made: MadeComponent
  readonly instance: Instance
}

const patienceMs = 20_000
const mostFuel = 300_000_000
const mostPages = 65_536

const hooks = (): MeterHooks => {
  let pages = 0
  return {
    refill: (_canSuspend, fuelUsed) => (fuelUsed > mostFuel ? 'stop' : 20_000_000),
    yield: () => Promise.resolve(),
    standing: () => 'running',
    growMemory: (delta) => (pages += delta) <= mostPages,
    growTable: () => true,
  }
}

/** `promise`, or `Hang`. */
const patiently = async <T>(promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Hang()), patienceMs)
  })
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}

const callable = (exports: readonly RootExport[], before: readonly string[]): readonly ExportedFunction[] =>
  exports.flatMap((each): readonly ExportedFunction[] => {
    if (each.kind === 'func') return [{ path: [...before, lowerCamel(each.name)], call: each.name, kind: 'plain' }]
    return each.kind === 'instance' && before.length === 0 ? callable(each.exports, [instanceKey(each.name)]) : []
  })

/** How an instance export is called in JavaScript: interfaces keep their name. */
const instanceKey = (name: string): string => (name.includes(':') ? name : lowerCamel(name))

/** Gives what an export answers to the one that imports it. */
const relayed =
  (provider: Instance, path: readonly string[]) =>
  async (...args: readonly unknown[]): Promise<unknown> => {
    try {
      return await provider.call(path, args)
    } catch (error) {
      throw error instanceof DeclaredError ? new WitError(error.payload) : error
    }
  }

/** The instances of one script: what has a name, what was registered, which is the latest. */
export class ScriptWorld {
  readonly #linker = new ComponentLinker({ isAsync: mayWait })
  readonly #host = new HostWorld()
  readonly #named = new Map<string, LiveInstance>()
  readonly #registered = new Map<string, LiveInstance>()
  readonly #all: Instance[] = []
  #latest: LiveInstance | undefined

  /** The instance `name`, the latest one without a name. */
  find(name: string | undefined): LiveInstance | undefined {
    return name === undefined ? this.#latest : this.#named.get(name)
  }

  register(as: string, name: string | undefined): boolean {
    const found = this.find(name)
    if (found !== undefined) this.#registered.set(as, found)
    return found !== undefined
  }

  /** A directive to instantiate failed: the calls that follow must not reach the instance before it. */
  forget(name: string | undefined): void {
    this.#latest = undefined
    if (name !== undefined) this.#named.delete(name)
  }

  /** Links and instantiates. Rejects with {@link Unprovided}, `Hang`, LinkTrap or the engine's trap. */
  async instantiate(made: MadeComponent, name: string | undefined): Promise<void> {
    const imports = this.#importsOf(made.plan.imports)
    const exports = callable(made.plan.exports, [])
    const linked = await patiently(this.#linker.link({ linking: 'component', component: made.bytes, exports }))
    const instance = await patiently(linked.instantiate(imports, hooks()))
    this.#all.push(instance)
    this.#latest = { made, instance }
    if (name !== undefined) this.#named.set(name, this.#latest)
  }

  /** Calls a function of the root by its component-model name. Rejects with DeclaredError, `Hang`, LinkTrap or the engine's trap. */
  call({ instance }: LiveInstance, name: string, args: readonly unknown[]): Promise<unknown> {
    return patiently(instance.call([lowerCamel(name)], args))
  }

  /** Ends every instance. */
  end(): void {
    for (const each of this.#all) each.end(new LinkTrap('the script is over', 'over'))
  }

  #importsOf(wanted: readonly RootImport[]): Imports {
    const imports = Object.create(null) as Record<string, Readonly<Record<string, unknown>>>
    for (const each of wanted) imports[each.name.replace(/@[^@]*$/, '')] = this.#membersOf(each)
    return Object.freeze(imports)
  }

  #membersOf(wanted: RootImport): Readonly<Record<string, unknown>> {
    const hosted = this.#host.membersFor(wanted)
    if (hosted !== undefined) return hosted
    const provider = this.#registered.get(wanted.name) ?? this.#named.get(wanted.name)
    const exported = provider?.made.plan.exports
    if (provider === undefined || exported === undefined || wanted.kind !== 'instance') throw new Unprovided(wanted.kind, wanted.name)
    if (wanted.resources.length > 0) throw new Unprovided('resource of another instance in', wanted.name)
    const members = Object.create(null) as Record<string, unknown>
    for (const { name } of wanted.functions) {
      if (!exported.some((each) => each.kind === 'func' && each.name === name)) throw new Unprovided('function', name)
      members[lowerCamel(name)] = relayed(provider.instance, [lowerCamel(name)])
    }
    return Object.freeze(members)
  }
}
