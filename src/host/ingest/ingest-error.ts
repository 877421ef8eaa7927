import { CordonError, type CordonErrorCode } from '#core/errors.ts'
import { WasmError, type WasmErrorCode } from '#core/wasm/wasm-error.ts'

const codes: Readonly<Record<WasmErrorCode, CordonErrorCode>> = {
  malformed: 'component.invalid',
  unsupported: 'component.unsupported',
  beyond: 'component.unsupported',
  limit: 'component.unsupported',
  name: 'component.unsupported',
  reserved: 'component.unsupported',
}

/** Runs `act` on what `what` names; a WasmError that it throws becomes a CordonError `component.invalid` or `component.unsupported`. */
export const naming = <T>(what: string, act: () => T): T => {
  try {
    return act()
  } catch (error) {
    if (error instanceof WasmError) throw new CordonError(codes[error.code], `${what}: ${error.message}`, { cause: error })
    throw error
  }
}
