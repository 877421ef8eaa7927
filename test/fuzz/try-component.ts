import { ComponentLinker } from '#cell/link/component-linker.ts'
import { engine } from '#cell/link/engine.ts'
import { DeclaredError, LinkTrap, type Instance, type Linked, type MeterHooks } from '#cell/link/linker.ts'
import type { ComponentPlan } from '#core/component/component-plan.ts'
import { CordonError } from '#core/errors.ts'
import { BeyondWasi02, rewriteComponent } from '#host/ingest/rewrite-component.ts'
import { isSame } from '../differential/run-exchanges.ts'
import { seededPick } from '../differential/seeded-pick.ts'
import { FuzzHost, reachable, type Reachable } from './host-for.ts'

/** How far a component got. */
export type Verdict = 'refused' | 'unlinkable' | 'start failed' | 'ran' | 'trapped'

/** Something that must not be. */
class Finding extends Error {}

const profile = { maxMemoryPages: 1024, maxTableElements: 100_000 }
const fuel = 2_000_000
const pages = 256
const calls = 4

const hooks = (): MeterHooks => {
  let pagesLeft = pages
  let elementsLeft = 100_000
  return {
    refill: (_canSuspend, used) => (used >= fuel ? 'stop' : fuel - used),
    yield: () => Promise.resolve(),
    standing: () => 'running',
    growMemory: (delta) => (pagesLeft -= delta) >= 0,
    growTable: (delta) => (elementsLeft -= delta) >= 0,
  }
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** Runs what may throw the errors that `allowed` knows and no others. */
const expecting = async <T>(what: string, allowed: (error: unknown) => boolean, run: () => T | Promise<T>): Promise<T | undefined> => {
  try {
    return await run()
  } catch (error) {
    if (allowed(error)) return undefined
    throw new Finding(`${what}: ${describe(error)}`)
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof BeyondWasi02 || (error instanceof CordonError && error.code.startsWith('component.'))

/** A stack that is used up is the guest's doing: it ends its instance. */
const isGuestTrap = (error: unknown): boolean =>
  error instanceof LinkTrap ||
  error instanceof engine.RuntimeError ||
  (error instanceof RangeError && error.message.startsWith('Maximum call stack'))

type Outcome = { readonly value: unknown } | { readonly declared: unknown } | 'trapped'

const callOnce = async (instance: Instance, { path, type }: Reachable, host: FuzzHost): Promise<Outcome> => {
  const args = host.argumentsOf(type)
  try {
    const value = await instance.call(path, args)
    host.keep(type.result, value)
    return { value }
  } catch (error) {
    if (error instanceof DeclaredError) return { declared: error.payload }
    if (isGuestTrap(error) || host.wasWrong) return 'trapped'
    throw new Finding(`calling ${path.join('.')}: ${describe(error)}`)
  }
}

/** What trapped once traps for ever, and cannot be put back. */
const checkPoisoned = async (instance: Instance, { path, type }: Reachable, host: FuzzHost): Promise<void> => {
  if (instance.reset()) throw new Finding('an instance that trapped was reset')
  const isPoisoned = (error: unknown): boolean => error instanceof LinkTrap && error.code === 'poisoned'
  const value = await expecting('calling what trapped', isPoisoned, async () => ({
    value: await instance.call(path, host.argumentsOf(type)),
  }))
  if (value !== undefined) throw new Finding('an instance that trapped answered')
}

class Trial {
  readonly #plan: ComponentPlan
  readonly #linked: Linked
  readonly #seed: number

  constructor(plan: ComponentPlan, linked: Linked, seed: number) {
    this.#plan = plan
    this.#linked = linked
    this.#seed = seed
  }

  async run(): Promise<Verdict> {
    const host = new FuzzHost(this.#plan, seededPick(this.#seed))
    const isStartFailure = (error: unknown): boolean => isGuestTrap(error) || host.wasWrong
    const instance = await expecting('instantiating', isStartFailure, () => this.#linked.instantiate(host.imports(), hooks()))
    if (instance === undefined) return 'start failed'
    const functions = reachable(this.#plan).slice(0, calls)
    for (const each of functions) {
      if ((await callOnce(instance, each, host)) !== 'trapped') continue
      await checkPoisoned(instance, each, host)
      return 'trapped'
    }
    await this.#compareReset(functions, host)
    instance.end(new Error('the trial is over'))
    return 'ran'
  }

  /** A call in an instance that was put back comes to the same as in a new one. */
  async #compareReset(functions: readonly Reachable[], host: FuzzHost): Promise<void> {
    const [first] = functions
    if (first === undefined || host.wasWrong || this.#plan.imports.length > 0) return
    const instance = await this.#linked.instantiate(host.imports(), hooks())
    const outcomes: Outcome[] = []
    for (const _ of [1, 2]) {
      const own = new FuzzHost(this.#plan, seededPick(this.#seed + 1))
      outcomes.push(await callOnce(instance, first, own))
      if (own.wasWrong || outcomes.includes('trapped') || !instance.reset()) return
      instance.serve(hooks())
    }
    const [fresh, again] = outcomes
    if (first.type.result?.kind !== 'own' && !isSame(fresh, again)) throw new Finding('a reset instance answered otherwise than a new one')
  }
}

/**
 * Takes a component through ingest's reading and rewriting, links it and calls what it exports, with a host and arguments that `seed` decides. Rejects
 * when an error comes of it that should not, or an instance does not keep what is promised of it.
 */
export const tryComponent = async (component: Uint8Array, seed: number): Promise<Verdict> => {
  const ingested = await expecting('ingesting', isRefusal, () => rewriteComponent(component, profile))
  if (ingested === undefined) return 'refused'
  const isUnlinkable = (error: unknown): boolean => error instanceof LinkTrap && error.code === 'link'
  const linker = new ComponentLinker()
  const linked = await expecting('linking', isUnlinkable, () =>
    linker.link({ linking: 'component', component: ingested.bytes, exports: [] }),
  )
  if (linked === undefined) return 'unlinkable'
  return new Trial(ingested.plan, linked, seed).run()
}
