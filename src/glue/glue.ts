import { Script, constants, createContext } from 'node:vm'
import type { InstanceLife } from './instance-life.ts'
import type { CoreFunction, CoreInstance, CoreModuleObject } from '#cell/link/engine.ts'

/** Jco's instantiation convention, with the modules and instances already there: nothing in it waits. */
interface Glue {
  instantiate(
    getCoreModule: (name: string) => CoreModuleObject,
    imports: object,
    instantiateCore: (module: CoreModuleObject, imports?: object) => CoreInstance,
  ): unknown
}

/** What the glue of one instance is given. */
interface GlueWorld {
  /** The parts of `WebAssembly` that the glue uses. */
  readonly webAssembly: object
  /** Its timers end with it. */
  readonly life: InstanceLife
  /** See `core/artifact.ts`. */
  readonly guard: (core: CoreFunction) => CoreFunction
}

/** Makes the glue of one instance. */
export type GlueFactory = (world: GlueWorld) => Glue

/** Says nothing: what glue prints is chosen by guests. */
const silentConsole = Object.freeze(Object.fromEntries(['debug', 'error', 'info', 'log', 'warn'].map((name) => [name, () => undefined])))

const globals = {
  TextEncoder,
  TextDecoder,
  queueMicrotask,
  console: silentConsole,
}

/**
 * Evaluates glue in a context of its own that has the language, what jco's glue needs, and no way to make code from text. Hygiene and not
 * a boundary: functions passed in lead out. What protects are the names and the shape that ingest checked.
 */
export const evaluateGlue = (text: string): GlueFactory => {
  const context: object = createContext(constants.DONT_CONTEXTIFY, { codeGeneration: { strings: false, wasm: false } })
  Object.assign(context, globals)
  const given = 'WebAssembly, guard, setTimeout, clearTimeout, setInterval, clearInterval'
  const script = new Script(`'use strict'; (${given}) => (${text}\n)(guard)`, { filename: 'glue.js' })
  const make = script.runInContext(context) as (...given: readonly unknown[]) => Glue
  return ({ webAssembly, guard, life }) => make(webAssembly, guard, life.setTimeout, life.clearTimer, life.setInterval, life.clearTimer)
}
