import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { engine, type Imports } from '../core/wasm/engine.ts'
import { Meter } from '../core/wasm/metered-instance.ts'

/** How far a core module got. */
export type CoreVerdict = 'refused' | 'does not type-check' | 'unlinkable' | 'start failed' | 'ran' | 'trapped'

class Finding extends Error {}

const limits = { maxMemoryPages: 64, maxTableElements: 10_000, limits: defaultWasmLimits }
const slice = 100_000
const budget = 500_000
const pages = 64
const calls = 6

const meterOf = (): Meter => {
  let [pagesLeft, elementsLeft] = [pages, 10_000]
  return new Meter({
    slice,
    budget,
    admitMemory: (delta) => (pagesLeft -= delta) >= 0,
    admitTable: (elements) => (elementsLeft -= elements) >= 0,
  })
}

/** Whatever the module asks for, as far as that can be made up: functions that give nothing back. */
const importsFor = (bytes: Uint8Array): Imports => {
  const imports: Record<string, Record<string, unknown>> = Object.create(null)
  for (const { module, name } of engine.Module.imports(new engine.Module(bytes))) {
    imports[module] ??= Object.create(null) as Record<string, unknown>
    imports[module][name] = () => 0
  }
  return imports
}

/** What a guest may do to itself: traps, a stack or a memory that is too large, a number of the wrong kind from an import made up here. */
const isGuestTrap = (error: unknown): boolean =>
  error instanceof engine.RuntimeError ||
  error instanceof RangeError ||
  (error instanceof TypeError && /Cannot convert|cannot be converted|cannot pass|type incompatibility/i.test(error.message))

const isUnlinkable = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'LinkError' || (error instanceof TypeError && /Import #/.test(error.message)))

const runAll = (exports: Readonly<Record<string, unknown>>): CoreVerdict => {
  const functions = Object.values(exports).filter((each) => typeof each === 'function')
  for (const exported of functions.slice(0, calls)) {
    const ones = Array.from({ length: exported.length }, () => 1)
    try {
      Reflect.apply(exported, undefined, ones)
    } catch (error) {
      if (isGuestTrap(error)) return 'trapped'
      throw error
    }
  }
  return 'ran'
}

const rewritten = (module: Uint8Array): Uint8Array | undefined => {
  try {
    return rewriteCore(module, limits).bytes
  } catch (error) {
    if (error instanceof WasmError) return undefined
    throw error
  }
}

/** Rewrites a core module, and runs it when it is one. Rejects when what comes of it is invalid, takes more than it was given, or fails otherwise than a guest does. */
export const tryCore = async (module: Uint8Array): Promise<CoreVerdict> => {
  const bytes = rewritten(module)
  if (bytes === undefined) return 'refused'
  if (!engine.validate(module)) return 'does not type-check'
  if (!engine.validate(bytes)) throw new Finding('a valid module was invalid once it was metered')
  const meter = meterOf()
  const verdict = run(bytes, meter)
  if (meter.given > budget + slice) throw new Finding(`it was given ${meter.given} of fuel, more than ${budget}`)
  return verdict
}

const run = (bytes: Uint8Array, meter: Meter): CoreVerdict => {
  try {
    return runAll(meter.instantiate(bytes, importsFor(bytes)).exports)
  } catch (error) {
    if (isUnlinkable(error)) return 'unlinkable'
    if (isGuestTrap(error)) return 'start failed'
    throw error
  }
}
