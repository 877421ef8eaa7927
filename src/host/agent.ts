import type { Artifact, ExportedFunction } from '#core/artifact.ts'
import type { Limits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import type { Manifest } from '#core/manifest/manifest.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { RunResult, Session } from '#host/session/session.ts'

/** The most bytes of JSON a run takes in. */
const maxInputBytes = 8 * 1024 * 1024

/** How one run differs from the agent's others. */
export interface RunOptions {
  /** Ends the run with `session.interrupted`. */
  readonly signal?: AbortSignal
  /** On whose behalf: two segments never share a cell. Default `default`. */
  readonly segment?: string
  /** Narrower limits for this run. */
  readonly limits?: Partial<Limits>
  /** Grants for this session alone, in the shape of one agent's entry in a policy file. */
  readonly allow?: unknown
  /** The export to call; default `cordon:agent/run`, else `wasi:cli/run`, else `run`. */
  readonly call?: string
  /** Arguments of a command (without its name). */
  readonly args?: readonly string[]
  /** Standard input of a command. */
  readonly stdin?: AsyncIterable<Uint8Array> | Uint8Array
}

/** What an agent needs of the runtime that loaded it. */
export interface AgentHost {
  policyFor(agent: LoadedAgent, options: Pick<RunOptions, 'allow' | 'limits'>): EffectivePolicy
  begin(start: {
    readonly agent: LoadedAgent
    readonly policy: EffectivePolicy
    readonly function: ExportedFunction
    readonly input: string
    readonly options: RunOptions
  }): Session
}

/** An ingested agent. */
export interface LoadedAgent {
  readonly name: string
  /** `sha256:<hex>` of the component. */
  readonly digest: string
  readonly manifest: Manifest | undefined
  readonly artifact: Artifact
  /** Whether the ingest cache had it. */
  readonly cached: boolean
}

/** An agent that was loaded and may be run any number of times, each time in a sandbox of its own. */
export class Agent {
  readonly #host: AgentHost
  readonly #loaded: LoadedAgent

  constructor(host: AgentHost, loaded: LoadedAgent) {
    this.#host = host
    this.#loaded = loaded
  }

  get name(): string {
    return this.#loaded.name
  }

  get digest(): string {
    return this.#loaded.digest
  }

  /** Whether it came from the ingest cache. */
  get cached(): boolean {
    return this.#loaded.cached
  }

  /** What can be called: `cordon:agent/run`, `wasi:cli/run`, or plain functions. */
  get exports(): readonly string[] {
    return this.#loaded.artifact.exports.map(({ call }) => call)
  }

  /** What would decide for a run with these options. */
  policy(options: Pick<RunOptions, 'allow' | 'limits'> = {}): EffectivePolicy {
    return this.#host.policyFor(this.#loaded, options)
  }

  /**
   * Runs it once in a fresh sandbox and waits for the result.
   * Throws CordonError; `error.usage`, `error.session` and `error.audit` say how far it came.
   *
   * @example
   * const { result, usage, denials } = await agent.run({ day: 'today' }, { limits: { timeoutMs: 30_000 } })
   */
  async run<T = unknown>(input?: unknown, options: RunOptions = {}): Promise<RunResult<T>> {
    const session = this.start(input, options)
    // What an agent returns is whatever it returns; `T` is the caller's own expectation of it.
    return (await session.result) as RunResult<T>
  }

  /** Begins a run and gives its session at once: an async iterable of events, with `result` and `kill()`. Throws CordonError for grants that cannot be. */
  start(input?: unknown, options: RunOptions = {}): Session {
    const text = inputText(input)
    const policy = this.#host.policyFor(this.#loaded, options)
    return this.#host.begin({ agent: this.#loaded, policy, function: this.#function(options.call), input: text, options })
  }

  #function(wanted: string | undefined): ExportedFunction {
    const { exports } = this.#loaded.artifact
    const names = wanted === undefined ? ['cordon:agent/run', 'wasi:cli/run', 'run'] : [wanted]
    const found = names.map((name) => exports.find(({ call }) => call === name)).find((each) => each !== undefined)
    if (found !== undefined) return found
    const expected = wanted === undefined ? 'an export `cordon:agent/run`, `wasi:cli/run` or `run`' : `an export \`${wanted}\``
    const there = exports.length === 0 ? 'none' : exports.map(({ call }) => `\`${call}\``).join(', ')
    throw new CordonError('component.export-missing', `expected ${expected}, the component has ${there}`, {
      hint: 'name one of them with --call',
    })
  }
}

const inputText = (input: unknown): string => {
  let text: string | undefined
  try {
    text = JSON.stringify(input ?? null)
  } catch (cause) {
    throw new CordonError('input.invalid', 'expected an input that JSON can hold', { cause })
  }
  if (typeof text !== 'string') throw new CordonError('input.invalid', `expected an input that JSON can hold, got a ${typeof input}`)
  if (text.length > maxInputBytes)
    throw new CordonError('input.invalid', `expected an input of at most ${maxInputBytes} bytes of JSON, got ${text.length}`, {
      hint: 'pass large data as a file in a mount',
    })
  return text
}
