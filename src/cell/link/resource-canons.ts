import type { CoreReference } from '#core/component/component-plan.ts'
import type { CompiledCanon, Returned } from './canons.ts'
import type { InstanceState } from './instance-state.ts'
import { LinkTrap } from './linker.ts'

/** A resource type as one component instance uses it. */
export interface ResourceUse {
  readonly instance: number
  readonly resource: number
}

/** Its destructor, where a guest defines one. */
export interface Destructor {
  readonly core: CoreReference
  /** Component instances that calling it enters. */
  readonly entered: readonly number[]
}

/** `canon resource.new`; CanonicalABI.md. */
export const resourceNew = ({ instance, resource }: ResourceUse): CompiledCanon => ({
  waits: 'never',
  params: ['i32'],
  results: ['i32'],
  run: (state, [rep]) => {
    state.expectMayLeave(instance)
    return state.tableOf(instance).addOwn(resource, numberOf(rep))
  },
})

/** `canon resource.rep`; CanonicalABI.md. May be called wherever the guest runs. */
export const resourceRep = ({ instance, resource }: ResourceUse): CompiledCanon => ({
  waits: 'never',
  params: ['i32'],
  results: ['i32'],
  run: (state, [handle]) => {
    const rep = state.tableOf(instance).representation(resource, numberOf(handle))
    return typeof rep === 'number' ? rep : undefined
  },
})

/** `canon resource.drop`; CanonicalABI.md. The end of a guest's resource may take a wait, the end of a host's never does. */
export const resourceDrop = ({ instance, resource }: ResourceUse, destructor: Destructor | undefined): CompiledCanon => ({
  waits: destructor === undefined ? 'never' : 'either',
  params: ['i32'],
  results: [],
  run: (state, [handle]) => {
    state.expectMayLeave(instance)
    const { own, representation } = state.tableOf(instance).drop(resource, numberOf(handle))
    if (!own) return undefined
    if (destructor === undefined) return endHostResource(state, representation)
    return destroy(state, destructor, representation)
  },
})

/** Calls a destructor. */
export const destroy = (state: InstanceState, { core, entered }: Destructor, rep: unknown): Returned => {
  state.enter(entered)
  return state.functions.callEither(core, [numberOf(rep)], () => {
    state.exit(entered)
    state.metering.returned()
    return undefined
  })
}

const endHostResource = (state: InstanceState, resource: unknown): undefined => {
  if (!disposeOf(resource)) return
  state.metering.returned()
}

/** Calls the resource's `Symbol.dispose`, if there is one; tells whether. */
export const disposeOf = (resource: unknown): boolean => {
  if (typeof resource !== 'object' || resource === null || !(Symbol.dispose in resource)) return false
  const dispose = resource[Symbol.dispose]
  if (typeof dispose !== 'function') return false
  Reflect.apply(dispose, resource, [])
  return true
}

const numberOf = (value: unknown): number => {
  if (typeof value !== 'number') throw new LinkTrap(`expected a number, got ${typeof value}`, 'link')
  return value
}
