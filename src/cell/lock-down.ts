import { registerHooks } from 'node:module'
import process from 'node:process'

/**
 * What code of a cell has no use for once it is loaded. Taking it away stops injected text that stays inside
 * JavaScript (see `core/wasm`); against an escape from the engine only the walls outside the process count.
 */
const needlessOnProcess = [
  'abort',
  'binding',
  'chdir',
  'dlopen',
  'execve',
  'getBuiltinModule',
  'initgroups',
  'kill',
  'loadEnvFile',
  'mainModule',
  'openStdin',
  'report',
  'setegid',
  'seteuid',
  'setgid',
  'setgroups',
  'setuid',
  'umask',
  '_debugEnd',
  '_debugProcess',
  '_getActiveHandles',
  '_getActiveRequests',
  '_kill',
  '_linkedBinding',
  '_rawDebug',
  '_startProfilerIdleNotifier',
] as const
const needlessGlobals = [
  'fetch',
  'WebSocket',
  'EventSource',
  'navigator',
  'localStorage',
  'sessionStorage',
  'Worker',
  'BroadcastChannel',
] as const
const scopes = ['fs', 'fs.read', 'fs.write', 'net', 'child', 'worker', 'wasi', 'addon', 'inspector', 'ffi'] as const

interface Permission {
  drop(scope: string): void
}

const dropPermissions = (): void => {
  const { permission } = process as unknown as { readonly permission?: Permission }
  for (const scope of scopes) permission?.drop(scope)
}

/** A function of each kind whose constructor makes code from text. */
const kindsOfFunction = [(): void => undefined, async (): Promise<void> => undefined, function* () {}, async function* () {}] as const

const refuseText = (): never => {
  throw new EvalError('expected no code from text in a cell')
}

/**
 * Takes away every way of the language to make code from text. A child cell's engine has none from its start; the engine's own switch for it
 * is one for a whole process, so that in a thread this is all there is. Without it any function that leads out of a context leads to `constructor`.
 */
const refuseCodeFromText = (): void => {
  for (const kind of kindsOfFunction) {
    const prototype: object = Object.getPrototypeOf(kind)
    const made: unknown = Reflect.get(prototype, 'constructor')
    // What asks whether something is a function, or what kind of one, goes on working.
    const refusing = function (): never {
      return refuseText()
    }
    refusing.prototype = prototype
    Object.defineProperty(refusing, 'name', { value: typeof made === 'function' ? made.name : '' })
    Object.defineProperty(prototype, 'constructor', { value: Object.freeze(refusing), writable: false, configurable: false })
    if (kind === kindsOfFunction[0]) takeAway(globalThis, 'Function', refusing)
  }
  takeAway(globalThis, 'eval', refuseText)
}

/** Nothing more is loaded: text can come as a module (`data:`), and Node's own modules lead out. */
const refuseModules = (): void => {
  registerHooks({
    resolve: () => {
      throw new Error('expected all code of a cell to be loaded')
    },
  })
}

const takeAway = (from: object, name: string, value: unknown): void => {
  Object.defineProperty(from, name, { value, writable: false, enumerable: false, configurable: false })
}

/** Gives up every permission this process still has and removes what leads outside. Call after all code is loaded. */
export const lockDown = (): void => {
  dropPermissions()
  refuseModules()
  refuseCodeFromText()
  for (const name of needlessGlobals) {
    // Deleted first: defining over the engine's lazy getters would load what is behind them.
    Reflect.deleteProperty(globalThis, name)
    takeAway(globalThis, name, undefined)
  }
  for (const name of needlessOnProcess) {
    // Writable: the engine itself assigns to some of these when it loads a part of it late.
    Object.defineProperty(process, name, { value: undefined, writable: true, configurable: false })
  }
}
