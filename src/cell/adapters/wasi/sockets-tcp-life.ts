import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { Waitable } from '#cell/adapters/waitable.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import type { Place } from './sockets-address.ts'
import { socketError } from './sockets-error.ts'
import { Pending } from './sockets-pending.ts'
import { TcpConnection, type ConnectionParts } from './sockets-tcp-connection.ts'
import { bind, connect, listen, unbind, type Bound } from './sockets-tcp-host.ts'
import { TcpListener } from './sockets-tcp-listener.ts'
import type { TcpOptions } from './sockets-tcp-options.ts'

/** The states of wasi-sockets' TcpSocketOperationalSemantics.md. */
type State =
  | { readonly kind: 'unbound' }
  | { readonly kind: 'binding'; readonly pending: Pending<Bound> }
  | { readonly kind: 'bound'; readonly bound: Bound }
  | { readonly kind: 'connecting'; readonly pending: Pending<ConnectionParts> }
  | { readonly kind: 'connected'; readonly connection: TcpConnection }
  | { readonly kind: 'listen-starting'; readonly pending: Pending<number>; readonly bound: Bound }
  | { readonly kind: 'listening'; readonly listener: TcpListener }
  | { readonly kind: 'closed' }

type Start = 'bind' | 'connect' | 'listen'

/** From which states each operation may start. */
const startable: Readonly<Record<Start, readonly State['kind'][]>> = {
  bind: ['unbound'],
  connect: ['unbound', 'bound'],
  listen: ['bound'],
}
const inProgress: ReadonlySet<State['kind']> = new Set(['binding', 'connecting', 'listen-starting'])

/** The state machine of one TCP socket. */
export class TcpLife implements Waitable {
  readonly #scope: SessionScope
  readonly #options: TcpOptions
  readonly #held: HeldResource
  #state: State = { kind: 'unbound' }

  constructor(scope: SessionScope, options: TcpOptions, held: HeldResource) {
    this.#scope = scope
    this.#options = options
    this.#held = held
  }

  ready(): boolean {
    return this.#awaited?.ready() ?? true
  }

  wait(wake: () => void): () => void {
    return this.#awaited?.wait(wake) ?? (() => undefined)
  }

  /** Throws `concurrency-conflict` while another operation is in progress, `invalid-state` where this one cannot begin. */
  requireStartable(start: Start): void {
    const { kind } = this.#state
    if (inProgress.has(kind)) throw socketError('concurrency-conflict')
    if (!startable[start].includes(kind)) throw socketError('invalid-state')
  }

  startBind(asked: Place): void {
    this.#state = { kind: 'binding', pending: this.#working(bind(this.#scope, asked)) }
  }

  finishBind(): void {
    const { pending } = this.#inState('binding')
    const bound = this.#finished(pending, { kind: 'unbound' })
    this.#state = { kind: 'bound', bound }
  }

  startConnect(remote: Place): void {
    const bound = this.#state.kind === 'bound' ? this.#state.bound : undefined
    // A refused or failed attempt closes the socket: what it had bound goes with it.
    const attempt = connect(this.#scope, remote, bound).catch(async (error: unknown) => {
      if (bound !== undefined) await unbind(this.#scope, bound)
      throw error
    })
    this.#state = { kind: 'connecting', pending: this.#working(attempt) }
  }

  finishConnect(): TcpConnection {
    const { pending } = this.#inState('connecting')
    const parts = this.#finished(pending, { kind: 'closed' })
    return this.#connected(parts)
  }

  startListen(): void {
    const { bound } = this.#inState('bound')
    const attempt = listen(this.#scope, bound, this.#options.backlog).catch(async (error: unknown) => {
      await unbind(this.#scope, bound)
      throw error
    })
    this.#state = { kind: 'listen-starting', pending: this.#working(attempt), bound }
  }

  finishListen(): void {
    const { pending, bound } = this.#inState('listen-starting')
    const handle = this.#finished(pending, { kind: 'closed' })
    this.#state = { kind: 'listening', listener: new TcpListener(this.#scope, handle, bound.local) }
  }

  /** Makes a fresh socket the accepted one, with the options of its listener. */
  become(parts: ConnectionParts, options: TcpOptions): TcpConnection {
    this.#options.inherit(options)
    return this.#connected(parts)
  }

  get isListening(): boolean {
    return this.#state.kind === 'listening'
  }

  /** Throws `invalid-state` unless listening. */
  get listener(): TcpListener {
    const state = this.#state
    if (state.kind !== 'listening') throw socketError('invalid-state')
    return state.listener
  }

  /** Throws `invalid-state` unless connected. */
  get connection(): TcpConnection {
    const state = this.#state
    if (state.kind !== 'connected') throw socketError('invalid-state')
    return state.connection
  }

  /** Throws `invalid-state` unless bound, whatever became of it since. */
  get local(): Place {
    const state = this.#state
    if (state.kind === 'bound' || state.kind === 'listen-starting') return state.bound.local
    if (state.kind === 'listening') return state.listener.local
    return this.connection.local
  }

  /** Throws `invalid-state` when the socket is a client's, or will be. */
  requireNoConnection(): void {
    const { kind } = this.#state
    if (kind === 'connecting' || kind === 'connected' || kind === 'closed') throw socketError('invalid-state')
  }

  applyKeepAlive(): void {
    if (this.#state.kind === 'connected') this.#state.connection.setKeepAlive(this.#options)
  }

  /** The guest has dropped the socket: what nobody else uses is closed. */
  end(): void {
    const state = this.#state
    const scope = this.#scope
    this.#state = { kind: 'closed' }
    if (state.kind === 'binding') state.pending.abandon((bound) => void unbind(scope, bound))
    else if (state.kind === 'bound') void unbind(scope, state.bound).finally(this.#held.work())
    else if (state.kind === 'connecting') state.pending.abandon(({ handle }) => this.#close(handle, 0))
    else if (state.kind === 'listen-starting') state.pending.abandon((handle) => this.#close(handle, null))
    else if (state.kind === 'listening') void state.listener.close().finally(this.#held.work())
    else if (state.kind === 'connected') state.connection.release()
  }

  get #awaited(): Waitable | undefined {
    const state = this.#state
    if ('pending' in state) return state.pending
    return state.kind === 'listening' ? state.listener : undefined
  }

  #connected(parts: ConnectionParts): TcpConnection {
    const connection = new TcpConnection(this.#scope, parts, this.#held.work())
    this.#state = { kind: 'connected', connection }
    if (this.#options.keepAliveEnabled) connection.setKeepAlive(this.#options)
    return connection
  }

  /** The socket keeps its place in the session's count until the host has answered. */
  #working<T>(work: Promise<T>): Pending<T> {
    return new Pending(this.#scope, work.finally(this.#held.work()))
  }

  #close(handle: number, connection: number | null): void {
    void this.#scope
      .call('tcp.close', { handle, connection })
      .catch(() => undefined)
      .finally(this.#held.work())
  }

  #inState<K extends State['kind']>(kind: K): Extract<State, { readonly kind: K }> {
    const state = this.#state
    if (!isOfKind(state, kind)) throw socketError('not-in-progress')
    return state
  }

  /** The result of an operation. Throws `would-block`, which changes nothing, or its failure, which leads to `afterwards`. */
  #finished<T>(pending: Pending<T>, afterwards: State): T {
    try {
      return pending.take()
    } catch (error) {
      if (pending.ready() && error instanceof WitError) this.#state = afterwards
      throw error
    }
  }
}

const isOfKind = <K extends State['kind']>(state: State, kind: K): state is Extract<State, { readonly kind: K }> => state.kind === kind
