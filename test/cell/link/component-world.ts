import { ComponentLinker, type ComponentLinkerOptions } from '#cell/link/component-linker.ts'
import type { Imports, Instance, Linked, MeterHooks } from '#cell/link/linker.ts'
import { artifactOf } from '../component-of.ts'

/** The path of what `agentWat` exports. */
export const agentPath = ['cordon:agent/run@0.1.0', 'run']

/** Hooks that allow everything. */
export const unlimited: MeterHooks = {
  refill: () => 1_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running',
  growMemory: () => true,
  growTable: () => true,
}

/** Imports as adapters make them: null-prototype, frozen. */
export const sealed = (interfaces: Record<string, Record<string, unknown>>): Imports => {
  const bare = (value: object): object => Object.freeze(Object.assign(Object.create(null), value))
  return bare(Object.fromEntries(Object.entries(interfaces).map(([name, members]) => [name, bare(members)]))) as Imports
}

/** Ingests a component's text and links it. */
export const linkedOf = async (wat: string, options: ComponentLinkerOptions = {}): Promise<Linked> =>
  new ComponentLinker(options).link(await artifactOf(wat))

/** What {@link instanceOf} may be told besides the component's text. */
export interface InstanceParts {
  readonly imports?: Imports
  readonly hooks?: Partial<MeterHooks>
  readonly isAsync?: ComponentLinkerOptions['isAsync']
}

/** One instance of a component. */
export const instanceOf = async (wat: string, parts: InstanceParts = {}): Promise<Instance> => {
  const linked = await linkedOf(wat, parts.isAsync === undefined ? {} : { isAsync: parts.isAsync })
  return linked.instantiate(parts.imports ?? sealed({}), { ...unlimited, ...parts.hooks })
}

/** What a call comes to: its value, or what it threw. */
export const outcomeOf = async (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error)

/** Something to wait for from outside. */
export interface Gate {
  readonly promise: Promise<unknown>
  open(value?: unknown): void
  fail(error: unknown): void
}

/** A closed gate. */
export const gate = (): Gate => {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  promise.catch(() => undefined)
  return { promise, open: resolve, fail: reject }
}
