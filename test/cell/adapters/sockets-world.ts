import type { Imports } from '#cell/link/linker.ts'
import { formatAddress, parseAddress } from '#core/policy/address.ts'
import type { HostPattern, LookupRule, RuleSet, SocketRule } from '#core/policy/rules.ts'
import { createSocketProviders, type SocketOptions } from '#host/providers/sockets/socket-providers.ts'
import type { CallArgs, CallOp, CallReply } from '#wire/calls.ts'
import { GuestSession, policyOf } from '../../host/providers/guest-session.ts'
import { importsOver, MemoryWorld } from './memory-world.ts'

export type Family = 'ipv4' | 'ipv6'

export type SocketAddress =
  | { readonly tag: 'ipv4'; readonly val: { port: number; address: readonly number[] } }
  | { readonly tag: 'ipv6'; readonly val: { port: number; flowInfo: number; address: readonly number[]; scopeId: number } }

export interface Pollable extends Disposable {
  ready(): boolean
  block(): Promise<void>
}

export interface InputStream extends Disposable {
  read(length: bigint): Uint8Array
  blockingRead(length: bigint): Promise<Uint8Array>
  subscribe(): Pollable
}

export interface OutputStream extends Disposable {
  checkWrite(): bigint
  write(contents: Uint8Array): void
  blockingWriteAndFlush(contents: Uint8Array): Promise<void>
  blockingFlush(): Promise<void>
  flush(): void
  subscribe(): Pollable
}

type Network = Disposable

export interface TcpSocket extends Disposable {
  startBind(network: Network, address: SocketAddress): void
  finishBind(): void
  startConnect(network: Network, address: SocketAddress): void
  finishConnect(): [InputStream, OutputStream]
  startListen(): void
  finishListen(): void
  accept(): [TcpSocket, InputStream, OutputStream]
  localAddress(): SocketAddress
  remoteAddress(): SocketAddress
  isListening(): boolean
  addressFamily(): Family
  setListenBacklogSize(value: bigint): void
  keepAliveEnabled(): boolean
  setKeepAliveEnabled(value: boolean): void
  keepAliveIdleTime(): bigint
  setKeepAliveIdleTime(value: bigint): void
  keepAliveInterval(): bigint
  setKeepAliveInterval(value: bigint): void
  keepAliveCount(): number
  setKeepAliveCount(value: number): void
  hopLimit(): number
  setHopLimit(value: number): void
  receiveBufferSize(): bigint
  setReceiveBufferSize(value: bigint): void
  sendBufferSize(): bigint
  setSendBufferSize(value: bigint): void
  subscribe(): Pollable
  shutdown(kind: 'receive' | 'send' | 'both'): void
}

export interface IncomingDatagrams extends Disposable {
  receive(most: bigint): { data: Uint8Array; remoteAddress: SocketAddress }[]
  subscribe(): Pollable
}

export interface OutgoingDatagrams extends Disposable {
  checkSend(): bigint
  send(datagrams: readonly { data: Uint8Array; remoteAddress: SocketAddress | undefined }[]): Promise<bigint>
  subscribe(): Pollable
}

export interface UdpSocket extends Disposable {
  startBind(network: Network, address: SocketAddress): void
  finishBind(): void
  stream(remote: SocketAddress | undefined): [IncomingDatagrams, OutgoingDatagrams]
  localAddress(): SocketAddress
  remoteAddress(): SocketAddress
  addressFamily(): Family
  unicastHopLimit(): number
  setUnicastHopLimit(value: number): void
  receiveBufferSize(): bigint
  setReceiveBufferSize(value: bigint): void
  sendBufferSize(): bigint
  setSendBufferSize(value: bigint): void
  subscribe(): Pollable
}

export interface ResolveAddressStream extends Disposable {
  resolveNextAddress(): { tag: Family; val: readonly number[] } | undefined
  subscribe(): Pollable
}

interface SocketImports {
  readonly 'wasi:sockets/network': { networkErrorCode(error: object): string | undefined; readonly Network: { prototype: object } }
  readonly 'wasi:sockets/instance-network': { instanceNetwork(): Network }
  readonly 'wasi:sockets/tcp-create-socket': { createTcpSocket(family: Family): TcpSocket }
  readonly 'wasi:sockets/udp-create-socket': { createUdpSocket(family: Family): UdpSocket }
  readonly 'wasi:sockets/ip-name-lookup': { resolveAddresses(network: Network, name: string): ResolveAddressStream }
}

/** An address as a guest writes it. */
export const at = (text: string, port: number): SocketAddress => {
  const bytes = parseAddress(text)
  if (bytes === undefined) throw new TypeError(`expected an address, got ${text}`)
  if (bytes.length === 4) return { tag: 'ipv4', val: { port, address: bytes } }
  const address = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  return { tag: 'ipv6', val: { port, flowInfo: 0, address, scopeId: 0 } }
}

/** What a guest reads of an address. */
export const shown = ({ tag, val: { port, address } }: SocketAddress): string =>
  `${formatAddress(tag === 'ipv4' ? address : address.flatMap((group) => [group >> 8, group & 0xff]))} ${port}`

const hostOf = (text: string): HostPattern => {
  const [address = '', prefix] = text.split('/')
  const bytes = parseAddress(address)
  if (bytes !== undefined) return { kind: 'cidr', bytes, prefix: prefix === undefined ? bytes.length * 8 : Number(prefix), text }
  return text.startsWith('*.') ? { kind: 'suffix', suffix: text.slice(2) } : { kind: 'name', name: text }
}

const socketRule = (kind: 'tcp' | 'udp', direction: 'connect' | 'listen', host: string, port: number): SocketRule => ({
  kind,
  origin: 'test',
  direction,
  host: hostOf(host),
  port,
})

export const connectRule = (kind: 'tcp' | 'udp', host: string, port: number): SocketRule => socketRule(kind, 'connect', host, port)
export const listenRule = (kind: 'tcp' | 'udp', host: string, port: number): SocketRule => socketRule(kind, 'listen', host, port)
export const lookupRule = (name: string): LookupRule => ({ kind: 'lookup', origin: 'test', host: hostOf(name) })

/** The adapters of one session over the real providers: real decisions, real sockets. */
export class SocketsWorld {
  readonly session: GuestSession
  readonly memory = new MemoryWorld()
  readonly imports: Imports & SocketImports
  readonly network: Network
  /** Every call that the adapters made. */
  readonly calls: CallOp[] = []

  constructor(grants: Partial<RuleSet>, options: Omit<SocketOptions, 'policy'> & { readonly denies?: Partial<RuleSet> } = {}) {
    const { denies, ...rest } = options
    const policy = policyOf(grants, denies)
    this.session = new GuestSession(policy)
    for (const provider of createSocketProviders(this.session, { policy, ...rest })) this.session.use(provider)
    const call = async <O extends CallOp>(op: O, args: CallArgs<O>, body = new Uint8Array()): Promise<CallReply> => {
      this.calls.push(op)
      const answer = await this.session.call(op, args, body)
      return answer.ok ? { ok: true, value: answer.value, body: answer.body } : { ok: false, code: answer.code }
    }
    this.imports = importsOver({ ...this.memory.world, host: { call } }) as Imports & SocketImports
    this.network = this.imports['wasi:sockets/instance-network'].instanceNetwork()
  }

  tcp(family: Family = 'ipv4'): TcpSocket {
    return this.imports['wasi:sockets/tcp-create-socket'].createTcpSocket(family)
  }

  udp(family: Family = 'ipv4'): UdpSocket {
    return this.imports['wasi:sockets/udp-create-socket'].createUdpSocket(family)
  }

  /** Binds and waits for it. */
  async bind<S extends TcpSocket | UdpSocket>(socket: S, address: SocketAddress): Promise<S> {
    socket.startBind(this.network, address)
    await socket.subscribe().block()
    socket.finishBind()
    return socket
  }

  /** A listening socket. */
  async listen(address: SocketAddress, socket = this.tcp(address.tag)): Promise<TcpSocket> {
    await this.bind(socket, address)
    socket.startListen()
    await socket.subscribe().block()
    socket.finishListen()
    return socket
  }

  /** A connected socket and its streams. */
  async connect(address: SocketAddress, socket = this.tcp(address.tag)): Promise<[TcpSocket, InputStream, OutputStream]> {
    socket.startConnect(this.network, address)
    await socket.subscribe().block()
    return [socket, ...socket.finishConnect()]
  }

  async accept(listener: TcpSocket): Promise<[TcpSocket, InputStream, OutputStream]> {
    await listener.subscribe().block()
    return listener.accept()
  }

  /** All addresses of a name, as text. */
  async resolve(name: string): Promise<string[]> {
    const stream = this.imports['wasi:sockets/ip-name-lookup'].resolveAddresses(this.network, name)
    const found: string[] = []
    await stream.subscribe().block()
    for (let next = stream.resolveNextAddress(); next !== undefined; next = stream.resolveNextAddress()) {
      found.push(formatAddress(next.tag === 'ipv4' ? next.val : next.val.flatMap((group) => [group >> 8, group & 0xff])))
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]()
  }
}
