/**
 * Why bytes were refused: `malformed` does not decode, `unsupported` uses a feature that is refused by name, `beyond` one of those that WASI 0.3 is
 * made of, `limit` is too much of something, `name` carries a name that is not safe to write into generated code, `reserved` claims
 * a name that belongs to metering.
 */
export type WasmErrorCode = 'malformed' | 'unsupported' | 'beyond' | 'limit' | 'name' | 'reserved'

/** The only error that the code in this folder throws for any bytes whatever. The message names the offset, the expectation and what came. */
export class WasmError extends Error {
  readonly code: WasmErrorCode
  /** Byte offset in the input that was given. */
  readonly offset: number

  constructor(code: WasmErrorCode, offset: number, message: string) {
    super(`at byte ${offset}: ${message}`)
    this.name = 'WasmError'
    this.code = code
    this.offset = offset
  }
}
