import { Script, constants, createContext } from 'node:vm'
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
  /** See `core/artifact.ts`. */
  readonly guard: (core: CoreFunction) => CoreFunction
}

/** Makes the glue of one instance. */
export type GlueFactory = (world: GlueWorld) => Glue

/** Says nothing: what glue prints is chosen by guests. */
const silentConsole = Object.freeze(Object.fromEntries(['debug', 'error', 'info', 'log', 'warn'].map((name) => [name, () => undefined])))

/** A timer that keeps nobody awake. */
const quietTimeout = (run: () => void, ms: number): NodeJS.Timeout => setTimeout(run, ms).unref()
const quietInterval = (run: () => void, ms: number): NodeJS.Timeout => setInterval(run, Math.max(ms, 1)).unref()

const globals = {
  TextEncoder,
  TextDecoder,
  setTimeout: quietTimeout,
  clearTimeout,
  setInterval: quietInterval,
  clearInterval,
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
  const script = new Script(`'use strict'; (WebAssembly, guard) => (${text}\n)(guard)`, { filename: 'glue.js' })
  const make = script.runInContext(context) as (webAssembly: object, guard: GlueWorld['guard']) => Glue
  return ({ webAssembly, guard }) => make(webAssembly, guard)
}
