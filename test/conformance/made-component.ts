import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import type { ComponentPlan, FunctionType, RootExport } from '#core/component/component-plan.ts'
import { CordonError } from '#core/errors.ts'
import { BeyondWasi02, rewriteComponent } from '#host/ingest/rewrite-component.ts'
import type { ComponentSource } from './directive.ts'
import { saying } from './outcome.ts'

/** A component that went through what ingest does, on its way to the linker. */
export interface MadeComponent {
  /** With metered core modules. */
  readonly bytes: Uint8Array
  readonly plan: ComponentPlan
}

/**
 * Why there is no component. `text`: the text parser refused it. `beyond`: it is outside of WASI 0.2, or above a limit, and said so. `invalid`: it
 * breaks a rule of the component model or of core wasm. `broken`: anything else, which is a mistake of ours.
 */
export class NotMade extends Error {
  readonly by: 'text' | 'beyond' | 'invalid' | 'broken'
  constructor(by: NotMade['by'], message: string) {
    super(message)
    this.name = 'NotMade'
    this.by = by
  }
}

const profile = { maxMemoryPages: 65_536, maxTableElements: 10_000_000 }

const encode = async (text: string): Promise<Uint8Array> => {
  try {
    return await parse(text)
  } catch (error) {
    const { payload, message } = error as { readonly payload?: unknown; readonly message?: unknown }
    const said = typeof payload === 'string' ? payload : String(message)
    const [, why] = /kind: Custom\("((?:[^"\\]|\\.)*)"\)/.exec(said) ?? []
    throw new NotMade('text', `the text parser: ${(why ?? said).replaceAll(/\s+/g, ' ').slice(0, 200)}`)
  }
}

const reasonOf = (error: unknown): NotMade => {
  if (error instanceof BeyondWasi02) return new NotMade('beyond', error.message)
  if (!(error instanceof CordonError)) return new NotMade('broken', saying(error))
  if (error.code === 'component.invalid') return new NotMade('invalid', error.message)
  return new NotMade(error.code === 'component.unsupported' ? 'beyond' : 'broken', error.message)
}

/** Encodes, reads, validates and meters a component as ingest does. Rejects with {@link NotMade} only. */
export const makeComponent = async (source: ComponentSource): Promise<MadeComponent> => {
  const component = 'bytes' in source ? source.bytes : await encode(source.text)
  try {
    return rewriteComponent(component, profile)
  } catch (error) {
    throw reasonOf(error)
  }
}

const isFunction = (exported: RootExport, name: string): exported is RootExport & { readonly kind: 'func' } =>
  exported.kind === 'func' && exported.name === name

/** The type of the function that the root exports as `name`. */
export const exportedType = ({ plan }: MadeComponent, name: string): FunctionType | undefined => {
  const exported = plan.exports.find((each) => isFunction(each, name))
  return exported?.kind === 'func' ? plan.functions[exported.function]?.type : undefined
}
