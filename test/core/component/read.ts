import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { expect } from 'vitest'

import { defaultComponentLimits, type ComponentLimits } from '#core/component/component-limits.ts'
import type { ComponentPlan } from '#core/component/component-plan.ts'
import { readComponent } from '#core/component/read-component.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'

/** The plan of a component in the text format. */
export const planOf = async (text: string): Promise<ComponentPlan> => readComponent(await parse(text))

/** Why these bytes are refused; undefined when they are not. Any other error than a WasmError fails the test. */
export const refusalOf = (bytes: Uint8Array, limits: Partial<ComponentLimits> = {}): WasmError | undefined => {
  try {
    readComponent(bytes, { limits: { ...defaultComponentLimits, ...limits } })
    return undefined
  } catch (error) {
    if (!(error instanceof WasmError)) throw error
    expect(error.message).toMatch(/^at byte \d+: expected .*, got /s)
    expect(error.message).not.toMatch(/\ba [aeio]/)
    return error
  }
}

/** Why a component in the text format is refused, as `code: message`; `accepted` when it is not. */
export const refusal = async (text: string, limits: Partial<ComponentLimits> = {}): Promise<string> => {
  const error = refusalOf(await parse(text), limits)
  return error === undefined ? 'accepted' : `${error.code}: ${error.message}`
}
