import { readFileSync } from 'node:fs'
import { transpileBytes } from '@bytecodealliance/jco-transpile'
import { $init, generate } from '@bytecodealliance/jco-transpile/component'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import { engine, type CoreExterns, type CoreModuleObject } from '#cell/link/engine.ts'
import type { Imports, Instance, Linked, MeterHooks } from '#cell/link/linker.ts'
import { readComponent } from '#core/component/read-component.ts'
import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import { JcoLinker } from '#glue/jco.ts'
import { rewriteComponent } from '#host/ingest/rewrite-component.ts'
import { transpile } from '#host/ingest/transpile.ts'

/** An instance of `guests/calls-host.wat`, however it is linked. */
export interface Called {
  add(a: number, b: number): Promise<unknown>
  /** `n` calls of a host function inside: scalars, strings of 86 bytes each way, one that waits. */
  scalars(n: number): Promise<unknown>
  texts(n: number): Promise<unknown>
  waits(n: number): Promise<unknown>
}

/** One way to link it. */
export interface Way {
  readonly name: string
  instantiate(): Promise<Called>
}

const answer = 'an answer of eighty-six bytes, the other way round: a path, a header or a short line....'.slice(0, 86)
const calls = {
  scalar: (x: number): number => x + 1,
  text: (): string => answer,
  wait: (x: number): Promise<number> => Promise.resolve(x + 1),
}
const hooks: MeterHooks = {
  refill: () => 4_000_000,
  yield: () => Promise.resolve(),
  standing: () => 'running',
  growMemory: () => true,
  growTable: () => true,
}
const imports = Object.assign(Object.create(null), { 'bench:host/calls': Object.assign(Object.create(null), calls) }) as Imports

const profile = { maxMemoryPages: 4096, maxTableElements: 1_000_000 }
const component = await parse(readFileSync(new URL('guests/calls-host.wat', import.meta.url), 'utf8'))

/** Bare core modules, joined by hand: what is below every component. */
export const bareWasm = async (): Promise<Way> => {
  const modules = await Promise.all(
    readComponent(component).modules.map(({ offset, length }) => engine.compile(component.slice(offset, offset + length))),
  )
  const [store, guest] = modules as [CoreModuleObject, CoreModuleObject]
  const { promising } = engine as unknown as { promising: (run: unknown) => (...args: number[]) => Promise<unknown> }
  const decoder = new TextDecoder()
  const encoder = new TextEncoder()
  return {
    name: 'bare wasm, joined by hand',
    instantiate: () => {
      const memory = new engine.Instance(store, {}).exports as CoreExterns & {
        memory: { buffer: ArrayBuffer }
        cabi_realloc: (...args: number[]) => number
      }
      const host = {
        scalar: calls.scalar,
        text: (at: number, length: number, out: number) => {
          decoder.decode(new Uint8Array(memory.memory.buffer, at, length))
          const given = memory.cabi_realloc(0, 0, 1, answer.length)
          encoder.encodeInto(answer, new Uint8Array(memory.memory.buffer, given))
          const view = new DataView(memory.memory.buffer)
          view.setUint32(out, given, true)
          view.setUint32(out + 4, answer.length, true)
        },
        wait: new engine.Suspending(calls.wait),
      }
      const { add, scalars, texts, waits } = new engine.Instance(guest, { memory, host }).exports
      return Promise.resolve({ add: promising(add), scalars: promising(scalars), texts: promising(texts), waits: promising(waits) })
    },
  }
}

/** Stock jco with JSPI. */
export const stockJco = async (): Promise<Way> => {
  const { files } = await transpileBytes(component, {
    name: 'component',
    instantiation: 'async',
    emitTypescriptDeclarations: false,
    asyncMode: 'jspi',
    asyncImports: ['bench:host/calls#wait'],
    asyncExports: ['add', 'scalars', 'texts', 'waits'],
  })
  const entries = Object.entries(files as unknown as Record<string, Uint8Array | [string, Uint8Array]>)
  const byName = new Map(entries.map(([name, file]) => (Array.isArray(file) ? file : [name, file])))
  const text = new TextDecoder().decode(byName.get('component.js'))
  const compiled = new Map<string, Promise<CoreModuleObject>>()
  const core = (name: string): Promise<CoreModuleObject> => {
    const known = compiled.get(name) ?? engine.compile(Uint8Array.from(byName.get(name) ?? []))
    compiled.set(name, known)
    return known
  }
  const { instantiate } = (await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)) as {
    instantiate: (getCore: typeof core, imports: object) => Promise<Called>
  }
  return { name: 'stock jco', instantiate: () => instantiate(core, { 'bench:host/calls': calls }) }
}

const cordonLinked = async (): Promise<Linked> => {
  const { bytes } = rewriteComponent(component, profile)
  return new ComponentLinker({ isAsync: (_interface, member) => member === 'wait' }).linkComponent(bytes)
}

/** The same metered modules linked by jco's glue, patched as ingest does it: what components past WASI 0.2 get. Its glue knows only the host's own functions as waiting. */
export const cordonGlue = async (): Promise<Way> => {
  await $init
  const { glue, cores, exports } = transpile(component, { version: 'bench', generate: generate as never, diagnostics: () => '' })
  const metered = cores.map(({ name, bytes }) => ({ name, bytes: rewriteCore(bytes, { ...profile, limits: defaultWasmLimits }).bytes }))
  const linked = await new JcoLinker().link({ linking: 'glue', glue, cores: metered, exports })
  return { name: 'cordon, metered: --linker jco', instantiate: async () => asCalled(await linked.instantiate(imports, hooks)) }
}

const asCalled = (instance: Instance): Called => ({
  add: (a, b) => instance.call(['add'], [a, b]),
  scalars: (n) => instance.call(['scalars'], [n]),
  texts: (n) => instance.call(['texts'], [n]),
  waits: (n) => instance.call(['waits'], [n]),
})

export const cordon = async (): Promise<Way> => {
  const linked = await cordonLinked()
  return { name: 'cordon, metered', instantiate: async () => asCalled(await linked.instantiate(imports, hooks)) }
}

/** One instance of cordon's, put back to its beginning after each call. */
export const cordonReset = async (): Promise<() => Promise<unknown>> => {
  const instance = await (await cordonLinked()).instantiate(imports, hooks)
  return async () => {
    const sum = await instance.call(['add'], [20, 22])
    if (!instance.reset()) throw new Error('expected an instance that can be reset')
    instance.serve(hooks)
    return sum
  }
}
