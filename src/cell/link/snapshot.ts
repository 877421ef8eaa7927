import type { CompiledComponent } from './compiled-component.ts'
import { engine, type CoreGlobal } from './engine.ts'
import type { CoreMemory } from './guest-memory.ts'
import type { InstanceState } from './instance-state.ts'
import type { MeterState } from './metering.ts'

const pageBytes = 65_536
/** More than this is made anew rather than kept: beyond it, copying takes no less time than instantiating. */
const maxSnapshotBytes = 64 * 1024 * 1024
/** The most that a memory may have grown and be put back: all of it has to be wiped, each time, and a memory cannot shrink. */
const maxGrownBytes = 16 * 1024 * 1024

/** What an instance is after instantiation: the same for all instances of a component that started without help of the host. */
export interface Snapshot {
  readonly meter: MeterState
  /** By memory, in the order in which they were made. `bytes` ends where only zeros follow. */
  readonly memories: readonly { readonly pages: number; readonly bytes: Uint8Array }[]
  /** Mutable globals by step. */
  readonly globals: readonly (readonly unknown[])[]
}

/** Takes it; undefined when the instance could not be put back to it, or others would be different. */
export const takeSnapshot = (state: InstanceState): Snapshot | undefined => {
  const { component, metering } = state
  if (!component.resettable || !state.startedAlone) return undefined
  if (metering.memoryBytes() > maxSnapshotBytes) return undefined
  const globals = component.steps.map((_, step) => globalsOf(state, step).map((global) => restorable(global)))
  if (globals.some((values) => values.includes(undefined))) return undefined
  const { memories, pages } = metering.memories
  return {
    meter: metering.state(),
    memories: memories.map((memory, nth) => {
      const size = Number(pages[nth]?.value)
      return { pages: size, bytes: withoutZeros(bytesOf(memory).subarray(0, size * pageBytes)) }
    }),
    globals,
  }
}

/** Whether an instance that was just made is what `snapshot` says: the engine may have refused it memory that another one got. */
export const isLike = (state: InstanceState, snapshot: Snapshot): boolean =>
  state.startedAlone &&
  state.metering.fuelUsed() === snapshot.meter.fuel &&
  state.metering.memories.pages.every((pages, nth) => pages.value === snapshot.memories[nth]?.pages)

/** Puts memories, their sizes, globals and the meter back. False, with nothing done, when too much of it would have to be wiped. */
export const restore = (state: InstanceState, snapshot: Snapshot): boolean => {
  const { memories, pages } = state.metering.memories
  const wholes = memories.map((memory) => bytesOf(memory))
  const grown = wholes.reduce((sum, { length }, nth) => sum + length - (snapshot.memories[nth]?.pages ?? 0) * pageBytes, 0)
  if (grown > maxGrownBytes) return false
  for (const [nth, before] of snapshot.memories.entries()) {
    const whole = wholes[nth]
    const size = pages[nth]
    if (whole === undefined || size === undefined) return false
    // All of it: loads and stores are checked against the real size, which may be more than the guest was told.
    whole.set(before.bytes)
    whole.fill(0, before.bytes.length)
    size.value = before.pages
  }
  for (const [step, values] of snapshot.globals.entries()) {
    for (const [nth, global] of globalsOf(state, step).entries()) global.value = values[nth]
  }
  state.metering.rewind(snapshot.meter)
  return true
}

const globalsOf = (
  { component, functions }: { readonly component: CompiledComponent } & Pick<InstanceState, 'functions'>,
  step: number,
): CoreGlobal[] => {
  const exports = functions.exportsOf(step)
  const names = component.steps[step]?.globals ?? []
  return names.map((name) => exports?.[name]).filter((global): global is CoreGlobal => global instanceof engine.Global)
}

/**
 * The value of a global if JavaScript can hold it to the bit and it means the same in every instance: no vectors, no functions, and no NaNs, whose bits
 * JavaScript does not keep.
 */
const restorable = (global: CoreGlobal): number | bigint | null | undefined => {
  const value = valueOf(global)
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  return typeof value === 'bigint' || value === null ? value : undefined
}

const valueOf = (global: CoreGlobal): unknown => {
  try {
    return global.value
  } catch {
    // A vector: the engine does not give it out.
    return undefined
  }
}

const bytesOf = (memory: unknown): Uint8Array => new Uint8Array((memory as CoreMemory).buffer)

const withoutZeros = (bytes: Uint8Array): Uint8Array => {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return bytes.slice(0, end)
}
