import { z } from 'zod'
import type { Granted } from '#core/policy/grant.ts'
import { GuestFault, type Performed, type Plan, type Provider, type ProviderSession } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'
import { parseGuestJson } from './bounded-json.ts'
import type { Tool } from './tool.ts'

/** Bounds of one tool call. */
export interface ToolsOptions {
  /** Most bytes of JSON input; default 256 KiB. */
  readonly maxInputBytes?: number
  /** Most bytes of JSON output; default 256 KiB. */
  readonly maxOutputBytes?: number
}

const defaultMaxBytes = 256 * 1024

/** The embedder's tools as one session may use them. */
class GrantedTools implements Provider {
  readonly ops = ['tool.list', 'tool.call'] as const
  readonly #session: ProviderSession
  readonly #tools: ReadonlyMap<string, Tool>
  readonly #granted: readonly string[]
  readonly #options: ToolsOptions

  constructor(session: ProviderSession, tools: ReadonlyMap<string, Tool>, granted: readonly string[], options: ToolsOptions) {
    this.#session = session
    this.#tools = tools
    this.#granted = granted
    this.#options = options
  }

  plan(call: Call): Plan {
    if (call.op === 'tool.list') return { kind: 'own' }
    if (call.op !== 'tool.call') throw new TypeError(`expected a call of tools, got ${call.op}`)
    // A tool may do anything, so its call is recorded for good before it is made.
    return {
      kind: 'capability',
      capability: { action: 'tool:call', name: call.args.name },
      effect: 'external',
      egressBytes: call.body.length,
    }
  }

  async perform(granted: Granted, call: Call): Promise<Performed> {
    const target = granted.consume()
    if (target.action !== 'tool:call') throw new TypeError('expected a grant for a tool')
    const tool = this.#tools.get(target.name)
    if (tool === undefined) throw new GuestFault('unknown', `no tool \`${target.name}\``)
    const body = encodeOutput(await this.#run(tool, this.#inputOf(tool, call.body), granted.callId))
    const { maxOutputBytes = defaultMaxBytes } = this.#options
    if (body.length > Math.min(maxOutputBytes, this.#session.ingressLeft))
      throw new GuestFault('too-large', `${body.length} bytes of output`)
    return { value: {}, body, egressBytes: call.body.length, ingressBytes: body.length }
  }

  async continue(call: Call): Promise<Performed> {
    if (call.op !== 'tool.list') throw new TypeError(`expected tool.list, got ${call.op}`)
    const tools = this.#granted.flatMap((name) => {
      const tool = this.#tools.get(name)
      return tool === undefined ? [] : [{ name, description: tool.description ?? '', inputSchema: schemaOf(tool) }]
    })
    return { value: { tools } }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #inputOf(tool: Tool, body: Uint8Array): unknown {
    const { maxInputBytes = defaultMaxBytes } = this.#options
    if (body.length > maxInputBytes) throw new GuestFault('too-large', `${body.length} bytes of input`)
    try {
      const checked = tool.input.safeParse(parseGuestJson(body))
      if (checked.success) return checked.data
    } catch {
      // No JSON, or a check of the embedder's that threw: either way the input was not accepted.
    }
    throw new GuestFault('invalid-input')
  }

  /** Runs the tool until it is done or the session is over. What it throws may name anything, so the guest hears `failed`. */
  async #run(tool: Tool, input: unknown, callId: string): Promise<unknown> {
    const { signal, id } = this.#session
    const ended = Promise.withResolvers<never>()
    const stop = (): void => ended.reject(new GuestFault('failed', 'the session ended'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    try {
      const running = (async () => tool.run(input, { signal, sessionId: id, callId }))()
      return await Promise.race([running, ended.promise])
    } catch (error) {
      throw isGuestFault(error) ? error : new GuestFault('failed', `the tool threw ${kindOf(error)}`)
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

const isGuestFault = (error: unknown): error is GuestFault => {
  try {
    return error instanceof GuestFault
  } catch {
    return false
  }
}

/** What kind of thing was thrown: the message may hold what the tool works with, so it is not recorded. */
const kindOf = (error: unknown): string => {
  try {
    const name: unknown = error instanceof Error ? error.name : undefined
    return typeof name === 'string' ? name.slice(0, 64) : `a ${typeof error}`
  } catch {
    // Even looking at what was thrown may throw.
    return 'something odd'
  }
}

const encodeOutput = (output: unknown): Uint8Array => {
  let text: string | undefined
  try {
    text = JSON.stringify(output ?? null)
  } catch {
    text = undefined
  }
  if (text === undefined) throw new GuestFault('failed', 'the tool gave what JSON cannot hold')
  return new TextEncoder().encode(text)
}

/** The JSON Schema of a tool's input; any JSON where the schema has no such form. */
const schemaOf = (tool: Tool): unknown => {
  try {
    return z.toJSONSchema(tool.input, { io: 'input', unrepresentable: 'any' })
  } catch {
    return {}
  }
}

/** Performs `tool.list` and `tool.call` on the embedder's tools; only `grantedNames` are listed. */
export const createToolsProvider = (
  session: ProviderSession,
  tools: ReadonlyMap<string, Tool>,
  grantedNames: readonly string[],
  options: ToolsOptions = {},
): Provider => new GrantedTools(session, tools, grantedNames, options)
