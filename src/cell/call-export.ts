import { IncomingRequest, ResponseOutparam } from '#cell/adapters/wasi/http-serving.ts'
import { ServedExchange } from '#cell/adapters/wasi/served-exchange.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { ExportedFunction } from '#core/artifact.ts'
import type { GuestOutcome } from '#wire/messages.ts'
import { servedRequestHead } from '#wire/served-request.ts'
import { argumentsFromJson, InputInvalid, isJson, parseJson, resultToJson } from './json-values.ts'
import { DeclaredError, type Instance } from './link/linker.ts'

/** The longest text of a result, in bytes of UTF-8: it has to fit a frame. */
const maxResultBytes = 1_000_000

/** What an export is called with. */
interface CallInput {
  /** The host's text. */
  readonly input: string
  /** Number of the call in its session. */
  readonly id: number
  readonly scope: SessionScope
}

/** Calls an export, and gives what it came to. Rejects with what ended the guest, or InputInvalid. */
export const callExport = async (instance: Instance, exported: ExportedFunction, call: CallInput): Promise<GuestOutcome> => {
  if (exported.kind === 'http-handler') return await serveRequest(instance, exported, call)
  const { input } = call
  const args = argumentsOf(exported, input)
  try {
    return returned(exported, await instance.call(exported.path, args))
  } catch (error) {
    if (error instanceof DeclaredError) return declared(exported, error.payload)
    throw error
  }
}

const nothingReturned: GuestOutcome = { kind: 'returned', result: 'null' }

/** The guest has until its handler returns to answer: what it finished by then is delivered, what it did not is given up. */
const serveRequest = async (instance: Instance, { path }: ExportedFunction, { input, id, scope }: CallInput): Promise<GuestOutcome> => {
  const head = parseJson(input)
  if (!servedRequestHead(head)) throw new InputInvalid()
  const exchange = new ServedExchange(scope, id, head)
  await instance.call(path, [new IncomingRequest(scope, exchange), new ResponseOutparam(scope, exchange)])
  await exchange.close()
  scope.throwIfOver()
  return nothingReturned
}

const argumentsOf = ({ kind }: ExportedFunction, input: string): readonly unknown[] => {
  switch (kind) {
    case 'agent-run':
      return [input]
    case 'wasi-command':
    case 'http-handler':
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
