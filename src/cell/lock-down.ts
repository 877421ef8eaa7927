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

/** Gives up every permission this process still has and removes what leads outside. Call after all code is loaded. */
export const lockDown = (): void => {
  dropPermissions()
  for (const name of needlessGlobals) {
    // Deleted first: defining over the engine's lazy getters would load what is behind them.
    Reflect.deleteProperty(globalThis, name)
    Object.defineProperty(globalThis, name, { value: undefined, writable: false, configurable: false })
  }
  for (const name of needlessOnProcess) {
    // Writable: the engine itself assigns to some of these when it loads a part of it late.
    Object.defineProperty(process, name, { value: undefined, writable: true, configurable: false })
  }
}
