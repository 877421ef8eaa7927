import type { ExportedFunction } from '#core/artifact.ts'
import type { GuestOutcome } from '#wire/messages.ts'
import { argumentsFromJson, isJson, resultToJson } from './json-values.ts'
import { DeclaredError, type Instance } from './link/linker.ts'

/** The longest text of a result, in bytes of UTF-8: it has to fit a frame. */
const maxResultBytes = 1_000_000

/** Calls an export with the host's text, and gives what it came to. Rejects with what ended the guest, or InputInvalid. */
export const callExport = async (instance: Instance, exported: ExportedFunction, input: string): Promise<GuestOutcome> => {
  const args = argumentsOf(exported, input)
  try {
    return returned(exported, await instance.call(exported.path, args))
  } catch (error) {
    if (error instanceof DeclaredError) return declared(exported, error.payload)
    throw error
  }
}

const argumentsOf = ({ kind }: ExportedFunction, input: string): readonly unknown[] => {
  switch (kind) {
    case 'agent-run':
      return [input]
    case 'wasi-command':
      return []
    case 'plain':
      return argumentsFromJson(input)
  }
}

const returned = ({ kind }: ExportedFunction, value: unknown): GuestOutcome => {
  const isText = kind === 'agent-run' && typeof value === 'string'
  const result = isText ? value : resultToJson(kind === 'wasi-command' ? null : value, maxResultBytes)
  return fits(result) ? { kind: 'returned', result } : tooLong
}

const declared = ({ kind }: ExportedFunction, payload: unknown): GuestOutcome => {
  // `wasi:cli/run` says no more than that it failed.
  if (kind === 'wasi-command') return { kind: 'exit', code: 1 }
  // Before it is parsed: 30 MB of `[],` take seconds and 700 MB.
  if (typeof payload === 'string' && payload.length > maxResultBytes) return tooLong
  const error = kind === 'agent-run' && isJson(payload) ? payload : resultToJson(payload, maxResultBytes)
  return fits(error) ? { kind: 'error', error } : tooLong
}

const tooLong: GuestOutcome = { kind: 'trap', message: `expected a result of at most ${maxResultBytes} bytes, got more` }

/** Twice: a head is JSON, in which the text is quoted once more. */
const fits = (text: string | undefined): text is string =>
  text !== undefined && text.length <= maxResultBytes && Buffer.byteLength(JSON.stringify(text)) <= maxResultBytes
