import type { FunctionType } from '#core/component/component-plan.ts'
import { compileParameters, compileResult, type CompiledParameters, type CompiledResult } from './abi/compile-parameters.ts'

/** How the values of one function type cross, both ways; compiled once per component. */
export interface CompiledFunction {
  readonly params: CompiledParameters
  readonly result: CompiledResult
  /** The result is a WIT `result`: where JavaScript is on the other side, its `err` is thrown. */
  readonly declaresError: boolean
}

const compiled = new WeakMap<FunctionType, CompiledFunction>()

/** Compiles a function type. Throws LinkTrap `link` for types that are nested too deeply or too large. */
export const compileFunction = (type: FunctionType): CompiledFunction => {
  const known = compiled.get(type)
  if (known !== undefined) return known
  const params = compileParameters(type.params.map((each) => each.type))
  const made = { params, result: compileResult(type.result), declaresError: type.result?.kind === 'result' }
  compiled.set(type, made)
  return made
}
