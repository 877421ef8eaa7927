import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Limits } from '#core/budget/limits.ts'
import { ceilingLimits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import type { GrantLayer, Policy } from '#core/policy/grants.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import { Agent, type AgentHost, type LoadedAgent, type OpenOptions } from '#host/agent.ts'
import type { GuestEngine } from '#host/build/build-agent.ts'
import { interpreterComponent } from '#host/build/interpreter.ts'
import { loadBundle, type Bundle } from '#host/bundle/load-bundle.ts'
import { readPolicies } from '#host/config/read-policies.ts'
import { effectiveFor, parseAllowOption } from '#host/config/effective-for.ts'
import { checkNode } from '#host/check-node.ts'
import { evaluate, type EvaluateOptions, type Evaluated } from '#host/evaluate.ts'
import { ingest } from '#host/ingest/ingest.ts'
import type { IsolationLevel } from '#host/launch/cell-port.ts'
import { chooseLevel, proofOf, type Prove } from '#host/launch/ladder.ts'
import { createLauncher } from '#host/launch/launcher.ts'
import { readAuditKey } from '#host/log/audit-key.ts'
import { AuditLog } from '#host/log/audit-log.ts'
import { hostKey } from '#host/ingest/host-key.ts'
import { operationalLog, type LogLevel } from '#host/operational-log.ts'
import { auditKeyFile, cacheKeyFile, hostPaths, keyvalueKeyFile, type HostPaths } from '#host/paths.ts'
import { CellPool } from '#host/pool/cell-pool.ts'
import { KeyValueStores } from '#host/providers/keyvalue/key-value-stores.ts'
import type { IncomingExchanges } from '#host/providers/serve/incoming-exchange.ts'
import type { Tool } from '#host/providers/tools/tool.ts'
import type { AgentServer } from '#host/serve/agent-server.ts'
import { serveAgent, type ServedStart } from '#host/serve/serve-agent.ts'
import { equipment } from '#host/session/equipment.ts'
import { Invocations } from '#host/session/invocations.ts'
import { OpenSession } from '#host/session/open-session.ts'
import { storeNamespace } from '#host/session/store-namespace.ts'
import { Session, type SessionOptions } from '#host/session/session.ts'

const MiB = 1024 * 1024

/** How a runtime is set up. Whatever is left out is the safest that works: nothing granted, the strongest isolation there is. */
export interface RuntimeOptions {
  /** Operator policy: files or folders of YAML. */
  readonly policy?: string | readonly string[]
  /** Grants for every agent of this runtime, in the shape of one agent's entry in a policy file. */
  readonly allow?: unknown
  /** Grants already parsed (the command line's flags). */
  readonly grants?: readonly GrantLayer[]
  /** Folder of the audit log; default a new one under `$XDG_STATE_HOME/cordon/audit`. */
  readonly audit?: string
  readonly pool?: {
    /** Most cells at one time; default one a core. */
    readonly max?: number
    readonly isolation?: 'auto' | IsolationLevel
    /** Most sessions that share a cell; default 1000. */
    readonly sessionsPerCell?: number
    /** Most sessions that wait for a place; default 10,000. */
    readonly waiting?: number
    /** Memory budget of one cell; default 1 GiB. */
    readonly cellMemoryBytes?: number
  }
  /** The embedder's own functions, each call decided and recorded as `tool:call`. */
  readonly tools?: Readonly<Record<string, Tool>>
  /** What no bundle and no policy of this runtime may exceed. */
  readonly ceiling?: Partial<Limits>
  readonly cacheDir?: string
  readonly keysDir?: string
  /** Folder of the agents' key-value stores; default `$XDG_STATE_HOME/cordon/keyvalue`. */
  readonly keyvalueDir?: string
  readonly logLevel?: LogLevel
  /** Told what takes long, one line at a time. */
  readonly progress?: (line: string) => void
}

export interface LoadSettings {
  /** Engine for a source file without a manifest. */
  readonly engine?: GuestEngine
  readonly signal?: AbortSignal
}

interface Parts {
  readonly audit: AuditLog
  readonly pool: CellPool
  readonly policies: readonly Policy[]
  readonly layers: readonly GrantLayer[]
  readonly ceiling: Limits
  readonly paths: HostPaths
  readonly stores: KeyValueStores
  readonly log: Logger
  readonly advice: string | undefined
  readonly options: RuntimeOptions
}

/** What a session does: one call, or what its driver calls. */
interface Driven {
  readonly guest: Omit<SessionOptions['guest'], 'args'>
  readonly driver: SessionOptions['driver']
  /** The requests that it serves, if it does. */
  readonly exchanges?: IncomingExchanges
}

/** Runs agents under one policy, one audit log and one pool of cells. Make it with {@link createRuntime}. */
export class Runtime {
  readonly #parts: Parts
  readonly #sessions = new Set<Session>()
  readonly #servers: AgentServer[] = []
  readonly #tools: ReadonlyMap<string, Tool>
  #nextSession = 1
  #interpreter: Promise<LoadedAgent> | undefined
  #closed = false

  /** @internal */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#tools = new Map(Object.entries(parts.options.tools ?? {}))
  }

  /** The level that is in force. */
  get isolation(): IsolationLevel {
    return this.#parts.pool.level
  }

  /** One line on how to get a stronger level, when there is one. */
  get advice(): string | undefined {
    return this.#parts.advice
  }

  /** Where the audit log lies, and the public key (`ed25519:…`) that verifies it. */
  get audit(): { readonly dir: string; readonly publicKey: string } {
    return { dir: this.#parts.audit.folder, publicKey: this.#parts.audit.publicKey }
  }

  /**
   * Takes up a bundle folder, a `.wasm` component or a single `.ts`/`.js` file: builds what is source, validates, rewrites and links it.
   * Throws CordonError: `bundle.*`, `manifest.invalid`, `component.*`, `ingest.*`.
   */
  async load(source: string, settings: LoadSettings = {}): Promise<Agent> {
    this.#checkOpen()
    const { paths, options } = this.#parts
    try {
      const bundle = await loadBundle(source, { cacheDir: paths.cache, ...progressOf(options), ...settings })
      return new Agent(this.#host(), await this.#ingest(bundle, settings.signal))
    } catch (error) {
      // Who aborts may say why; the step that was cut off knows only that it was.
      const reason: unknown = settings.signal?.reason
      throw reason instanceof CordonError ? reason : error
    }
  }

  /** Takes up component bytes that are already in memory. */
  async loadComponent(component: Uint8Array, { name = 'agent' }: { readonly name?: string } = {}): Promise<Agent> {
    this.#checkOpen()
    return new Agent(this.#host(), await this.#ingest({ name, manifest: undefined, component, digest: '' }, undefined))
  }

  /**
   * Runs a string of JavaScript in a prebuilt QuickJS interpreter, sandboxed like any agent: nothing but the named tools is granted.
   *
   * @example
   * const { result } = await runtime.evaluate({ code: 'input.a + 1', input: { a: 41 } })
   */
  async evaluate<T = unknown>(options: EvaluateOptions): Promise<Evaluated<T>> {
    this.#checkOpen()
    this.#interpreter ??= this.#loadInterpreter()
    return await evaluate<T>(new Agent(this.#host(), await this.#interpreter), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all(this.#servers.map((server) => server.cut()))
    for (const session of this.#sessions) session.kill('the runtime was closed')
    await Promise.allSettled([...this.#sessions].map((session) => session.result))
    await this.#parts.pool[Symbol.asyncDispose]()
    await this.#parts.stores[Symbol.asyncDispose]()
    await this.#parts.audit[Symbol.asyncDispose]()
  }

  #checkOpen(): void {
    if (this.#closed) throw new CordonError('runtime.closed', 'the runtime was closed')
  }

  async #loadInterpreter(): Promise<LoadedAgent> {
    const component = await interpreterComponent(join(this.#parts.paths.cache, 'build'))
    return await this.#ingest({ name: 'interpreter', manifest: undefined, component, digest: '' }, undefined)
  }

  async #ingest(bundle: Bundle, signal: AbortSignal | undefined): Promise<LoadedAgent> {
    const { paths, options, ceiling, log } = this.#parts
    const { artifact, cached, cacheTampered } = await ingest(bundle.component, {
      cacheDir: join(paths.cache, 'ingest'),
      keyFile: cacheKeyFile(paths),
      limits: ceiling,
      ...progressOf(options),
      ...(signal !== undefined && { signal }),
    })
    if (cacheTampered)
      log.warn({ digest: artifact.componentDigest }, 'an entry of the ingest cache failed its authentication and was not used')
    return { name: bundle.name, digest: artifact.componentDigest, manifest: bundle.manifest, artifact, cached }
  }

  #host(): AgentHost {
    return {
      policyFor: (agent, options) => this.#policyFor(agent, options),
      begin: ({ call, input, ...start }) => this.#begin(start, { guest: { call, input }, driver: undefined }),
      open: (start) => this.#open(start),
      serve: (start) => this.#serve(start),
    }
  }

  #policyFor(agent: LoadedAgent, { allow, limits }: Pick<OpenOptions, 'allow' | 'limits'>): EffectivePolicy {
    const { policies, layers, ceiling, paths, audit } = this.#parts
    const ownFolders = [audit.folder, paths.audit, paths.keys, paths.cache, paths.keyvalue]
    const own = allow === undefined ? [] : [parseAllowOption(allow)]
    return effectiveFor({ agent, policies, layers: [...layers, ...own], ownFolders, ceiling, limits: limits ?? {} })
  }

  async #open(start: Parameters<AgentHost['open']>[0]): Promise<OpenSession> {
    const { agent, policy } = start
    const invocations = new Invocations({ agent: policy.agent, limits: policy.limits, audit: this.#parts.audit, now: Date.now })
    const session = this.#begin(start, { guest: { call: null, input: '' }, driver: invocations })
    await Promise.race([invocations.ready, session.result])
    return new OpenSession(session, invocations, agent.artifact.exports)
  }

  async #serve({ agent, policy, options }: Parameters<AgentHost['serve']>[0]): Promise<AgentServer> {
    this.#checkOpen()
    const { args = [] } = options
    const begin = ({ segment, ...driven }: ServedStart): Session => this.#begin({ agent, policy, options: { segment, args } }, driven)
    const { audit, pool } = this.#parts
    const served = { exports: agent.artifact.exports, policy, audit, begin, crowded: () => pool.crowded, now: Date.now }
    const server = await serveAgent(served, options)
    this.#servers.push(server)
    return server
  }

  #begin({ agent, policy, options }: Parameters<AgentHost['open']>[0], { guest, driver, exchanges }: Driven): Session {
    this.#checkOpen()
    const { audit, pool, log, stores, paths, policies } = this.#parts
    const session = new Session({
      artifact: agent.artifact,
      guest: { ...guest, args: [agent.name, ...(options.args ?? [])] },
      policy,
      segment: options.segment ?? 'default',
      audit,
      pool,
      number: this.#nextSession,
      signal: options.signal,
      equip: equipment({
        policy,
        tools: this.#tools,
        stdin: options.stdin,
        exchanges,
        stores,
        namespace: storeNamespace(agent, policies),
        log,
        copyFolder: join(paths.cache, 'copies'),
      }),
      driver,
      now: Date.now,
    })
    this.#nextSession += 1
    this.#sessions.add(session)
    log.debug({ session: session.id, agent: agent.name }, 'session started')
    void session.result
      .catch((error: unknown) =>
        log.debug({ session: session.id, code: error instanceof CordonError ? error.code : 'internal' }, 'session failed'),
      )
      .finally(() => this.#sessions.delete(session))
    return session
  }
}

const progressOf = ({ progress }: RuntimeOptions): { progress?: (line: string) => void } => (progress === undefined ? {} : { progress })

const openAudit = async (folder: string, paths: HostPaths): Promise<AuditLog> =>
  await AuditLog.open({ folder, key: await readAuditKey(auditKeyFile(paths)) })

const openStores = (paths: HostPaths, log: Logger): KeyValueStores =>
  new KeyValueStores({
    folder: paths.keyvalue,
    key: () =>
      hostKey(keyvalueKeyFile(paths), {
        code: 'internal',
        name: 'key of the key-value stores',
        hint: 'put the right one back: without it the stores cannot be read',
      }),
    trouble: (detail) => log.error({ detail }, 'a key-value store does not work'),
  })

/** The pool at the level to run at. The cell that proves the level becomes the pool's first. */
const openPool = async (
  settings: NonNullable<RuntimeOptions['pool']>,
  log: Logger,
): Promise<{ readonly pool: CellPool; readonly advice: string | undefined }> => {
  const maxCells = settings.max ?? availableParallelism()
  const pools = new Map<IsolationLevel, CellPool>()
  const prove: Prove = async (level) => {
    const pool = new CellPool({
      launcher: createLauncher(level, { maxCells: maxCells + 1 }),
      maxCells,
      maxSessionsPerCell: settings.sessionsPerCell ?? 1000,
      maxWaiting: settings.waiting ?? 10_000,
      cellMemoryBytes: settings.cellMemoryBytes ?? 1024 * MiB,
      lost: (end, diagnostics) => log.warn({ end, diagnostics }, 'a cell ended unexpectedly'),
    })
    const proof = await proofOf(level, () => pool.prewarm())
    if (proof.ok) pools.set(level, pool)
    else await pool[Symbol.asyncDispose]()
    return proof
  }
  const { level, advice } = await chooseLevel(settings.isolation ?? 'auto', prove)
  const pool = pools.get(level)
  if (pool === undefined) throw new CordonError('internal', `the level \`${level}\` was chosen but not started`)
  return { pool, advice }
}

/** Opens two things side by side; when one fails, what the other opened is closed again. */
const bothOrNeither = async <A extends AsyncDisposable, B extends { readonly pool: AsyncDisposable }>(
  first: Promise<A>,
  second: Promise<B>,
): Promise<[A, B]> => {
  const [one, two] = await Promise.allSettled([first, second])
  if (one.status === 'fulfilled' && two.status === 'fulfilled') return [one.value, two.value]
  if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]()
  if (two.status === 'fulfilled') await two.value.pool[Symbol.asyncDispose]()
  throw one.status === 'rejected' ? one.reason : two.status === 'rejected' ? two.reason : new CordonError('internal', 'nothing failed')
}

const listed = (paths: string | readonly string[] | undefined): readonly string[] => (paths === undefined ? [] : [paths].flat())

/**
 * Sets up a runtime. Any number may live in one process; dispose of each.
 * Throws CordonError: `node.too-old`, `policy.invalid`, `grant.invalid`, `isolation.unavailable`, `audit.occupied`, `audit.invalid`, `audit.failed`.
 *
 * @example
 * await using runtime = await createRuntime({ policy: './policy.yaml' })
 * const agent = await runtime.load('./briefing')
 * const { result } = await agent.run({ day: 'today' })
 */
export const createRuntime = async (options: RuntimeOptions = {}): Promise<Runtime> => {
  checkNode()
  const defaults = hostPaths()
  const paths = {
    cache: options.cacheDir ?? defaults.cache,
    keys: options.keysDir ?? defaults.keys,
    audit: defaults.audit,
    keyvalue: resolve(options.keyvalueDir ?? defaults.keyvalue),
  }
  const policies = await readPolicies(listed(options.policy))
  const layers = [...(options.grants ?? []), ...(options.allow === undefined ? [] : [parseAllowOption(options.allow)])]
  const folder = options.audit ?? join(paths.audit, `${new Date().toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}`)
  const log = operationalLog(options.logLevel ?? 'silent')
  const [audit, chosen] = await bothOrNeither(openAudit(resolve(folder), paths), openPool(options.pool ?? {}, log))
  const { pool, advice } = chosen
  const ceiling = { ...ceilingLimits, ...options.ceiling }
  const stores = openStores(paths, log)
  return new Runtime({ audit, pool, stores, policies, layers, ceiling, paths, log, advice, options })
}
