import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { engine } from '#cell/link/engine.ts'
import { cli, clocks, filesystem, io, random } from '@bytecodealliance/preview2-shim'

type Run = (input: string) => string | Promise<string>

/** The same component the way one would run it without any isolation: stock jco and preview2-shim, in the caller's own thread. */
export interface Unisolated {
  /** A new instance's `run`. */
  instantiate(): Promise<Run>
}

const runOf = (instance: unknown): Run => {
  const exports = Object.entries(instance as Record<string, { run?: Run }>)
  const run = exports.find(([name]) => name.startsWith('cordon:agent/run') || name === 'run')?.[1].run
  if (run === undefined) throw new Error('the component has no run')
  return run
}

const shims: Record<string, unknown> = {
  ...namespaced('wasi:cli', cli),
  ...namespaced('wasi:clocks', clocks),
  ...namespaced('wasi:filesystem', filesystem),
  ...namespaced('wasi:io', io),
  ...namespaced('wasi:random', random),
}

function namespaced(name: string, shim: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(shim).map(([key, value]) => [`${name}/${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, value]),
  )
}

/** Transpiles with stock jco. `tools` are plain functions, `suspending` as JSPI imports. */
export const withoutIsolation = async (component: Uint8Array, options: { readonly suspending: boolean }): Promise<Unisolated> => {
  const jspi = options.suspending
    ? {
        asyncMode: 'jspi' as const,
        asyncImports: ['cordon:agent/tools#call', 'cordon:agent/tools@0.1.0#call'],
        asyncExports: ['cordon:agent/run#run', 'cordon:agent/run@0.1.0#run', 'run'],
      }
    : {}
  const { files } = await transpileBytes(component, {
    name: 'component',
    instantiation: 'async',
    emitTypescriptDeclarations: false,
    ...jspi,
  })
  const byName = new Map(
    Object.entries(files as unknown as Record<string, Uint8Array> | [string, Uint8Array][]).map((entry) =>
      Array.isArray(entry[1]) ? (entry[1] as unknown as [string, Uint8Array]) : entry,
    ),
  )
  const glue = new TextDecoder().decode(byName.get('component.js'))
  const modules = new Map<string, Promise<object>>()
  const getCoreModule = (name: string): Promise<object> => {
    const known = modules.get(name) ?? engine.compile(Uint8Array.from(byName.get(name) ?? []))
    modules.set(name, known)
    return known
  }
  const { instantiate } = (await import(`data:text/javascript;base64,${Buffer.from(glue).toString('base64')}`)) as {
    instantiate: (getCore: typeof getCoreModule, imports: object) => Promise<unknown>
  }
  const tools = {
    call: options.suspending ? (_name: string, input: string) => Promise.resolve(input) : (_name: string, input: string) => input,
    list: () => '[]',
  }
  const imports = { ...shims, 'cordon:agent/tools': tools, 'cordon:agent/secrets': { use: () => '' } }
  return { instantiate: async () => runOf(await instantiate(getCoreModule, imports)) }
}
