import type { Artifact } from '#core/artifact.ts'
import type { Limits } from '#core/budget/limits.ts'
import type { Manifest } from '#core/manifest/manifest.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { AgentServer } from '#host/serve/agent-server.ts'
import type { ServeOptions } from '#host/serve/serve-options.ts'
import { functionOf, inputText } from '#host/session/guest-call.ts'
import type { OpenSession } from '#host/session/open-session.ts'
import type { RunResult, Session } from '#host/session/session.ts'

/** How one open session differs from the agent's others. */
export interface OpenOptions {
  /** Ends the session with `session.interrupted`. */
  readonly signal?: AbortSignal
  /** On whose behalf: two segments never share a cell. Default `default`. */
  readonly segment?: string
  /** Narrower limits for this session. They hold for its whole life, however often it is called. */
  readonly limits?: Partial<Limits>
  /** Grants for this session alone, in the shape of one agent's entry in a policy file. */
  readonly allow?: unknown
  /** Arguments of a command (without its name). */
  readonly args?: readonly string[]
  /** Standard input of a command. */
  readonly stdin?: AsyncIterable<Uint8Array> | Uint8Array
}

/** How one run differs from the agent's others. */
export interface RunOptions extends OpenOptions {
  /** The export to call; default `cordon:agent/run`, else `wasi:cli/run`, else `run`. */
  readonly call?: string
}

/** What an agent needs of the runtime that loaded it. */
export interface AgentHost {
  policyFor(agent: LoadedAgent, options: Pick<RunOptions, 'allow' | 'limits'>): EffectivePolicy
  begin(start: {
    readonly agent: LoadedAgent
    readonly policy: EffectivePolicy
    /** Name of the export. */
    readonly call: string
    /** JSON text. */
    readonly input: string
    readonly options: OpenOptions
  }): Session
  open(start: { readonly agent: LoadedAgent; readonly policy: EffectivePolicy; readonly options: OpenOptions }): Promise<OpenSession>
  serve(start: { readonly agent: LoadedAgent; readonly policy: EffectivePolicy; readonly options: ServeOptions }): Promise<AgentServer>
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

/** An agent that was loaded and may be run any number of times, each time in a sandbox of its own, or kept open and called. */
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

  /** What can be called: `cordon:agent/run`, `wasi:cli/run`, or plain functions; and `wasi:http/incoming-handler`, which can be served. */
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
    const { call } = functionOf(this.#loaded.artifact.exports, options.call)
    return this.#host.begin({ agent: this.#loaded, policy, call, input: text, options })
  }

  /**
   * Opens a session in a sandbox of its own that stays and may be called any number of times. Resolves when it has its place and its
   * instance starts. Throws CordonError, as a run does that does not come that far.
   *
   * @example
   * await using session = await agent.open()
   * const { result } = await session.call({ day: 'today' })
   */
  async open(options: OpenOptions = {}): Promise<OpenSession> {
    const policy = this.#host.policyFor(this.#loaded, options)
    return await this.#host.open({ agent: this.#loaded, policy, options })
  }

  /**
   * Serves it over HTTP: each request in an instance of its own, or, with `reuse`, in one that serves so many requests of the same principal. Resolves when
   * it listens. Throws CordonError `component.export-missing`, `port.in-use`, `input.invalid`, and for grants that cannot be.
   *
   * @example
   * await using server = await agent.serve({ listen: '127.0.0.1:8080' })
   * console.log((await fetch(server.url)).status)
   */
  async serve(options: ServeOptions = {}): Promise<AgentServer> {
    const policy = this.#host.policyFor(this.#loaded, options)
    return await this.#host.serve({ agent: this.#loaded, policy, options })
  }
}
