import type { NetRule } from '#core/policy/rules.ts'
import { GuestFault, type OpenHandle, type ProviderSession } from '#host/broker/provider.ts'
import type { OwnAddresses, ResolveName } from '#host/providers/host-addresses.ts'
import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'
import type { Connection } from './connection.ts'
import type { ConnectionPlaces } from './connection-places.ts'
import { Deadline } from './deadline.ts'
import { checkedAddresses, dial } from './destination.ts'
import { caseOf, faultOfCause, httpFault } from './errors.ts'
import { ResponseParser } from './response-parser.ts'
import type { IdleConnections } from './idle-connections.ts'
import { connectionKey, headText, isRepeatable, type PreparedRequest } from './prepared-request.ts'
import { RequestBody } from './request-body.ts'
import type { Headers } from './request-head.ts'
import { RequestSender } from './request-sender.ts'
import { ResponseBody, type ResponseChunk } from './response-body.ts'
import { headBytes, responseHeaders } from './response-head.ts'
import { withSecret } from './secret-guard.ts'

/** What exchanges of one session share. */
export interface HttpWorld {
  readonly session: ProviderSession
  readonly secrets: SecretVault
  readonly resolve: ResolveName
  readonly denies: readonly NetRule[]
  readonly ownAddresses: OwnAddresses
  readonly extraCertificates: readonly string[]
  readonly places: ConnectionPlaces
  readonly idle: IdleConnections
}

/** The head of a response, and what it counts. */
export interface ResponseHead {
  readonly status: number
  readonly headers: Headers
  readonly bytes: number
}

/** One request and its response. The name is resolved and its addresses are checked for each, on whatever connection it goes out. */
export class HttpExchange implements OpenHandle {
  readonly #request: PreparedRequest
  readonly #world: HttpWorld
  readonly #over = new AbortController()
  readonly #deadline = new Deadline()
  readonly #requestBody: RequestBody
  readonly #responded = Promise.withResolvers<ResponseHead>()
  #responseBody: ResponseBody | undefined
  #connection: Connection | undefined
  #isReused = false
  #parser: ResponseParser | undefined
  #sender: RequestSender | undefined
  #address: string | undefined
  #fault: GuestFault | undefined
  #status: number | undefined
  #bytesReceived = 0
  #done = false

  constructor(request: PreparedRequest, world: HttpWorld) {
    this.#request = request
    this.#world = world
    this.#requestBody = new RequestBody(request.hasBody ? request.contentLength : 0, world.secrets.scan())
    // A guest that never asks for the response must not make its failure an unhandled one.
    this.#responded.promise.catch(() => undefined)
    const sessionOver = (): void => {
      this.#fail(httpFault('connection-terminated', 'the session ended'))
    }
    if (world.session.signal.aborted) sessionOver()
    else world.session.signal.addEventListener('abort', sessionOver, { once: true, signal: this.#over.signal })
  }

  /** Resolves, checks, connects and sends; what goes wrong is told to whoever asks for the response. */
  async start(): Promise<void> {
    try {
      const { target, rule, headers, connectTimeoutMs } = this.#request
      this.#expect('DNS-timeout', connectTimeoutMs)
      const { denies, ownAddresses, resolve } = this.#world
      const check = { capability: target.capability, rule, denies, ownAddresses }
      const addresses = await this.#unlessOver(checkedAddresses(check, resolve))
      const sent = await this.#unlessOver(withSecret(headers, target.capability, rule, this.#world.secrets))
      const kept = this.#world.idle.take(connectionKey(this.#request), addresses)
      this.#isReused = kept !== undefined
      this.#send(kept ?? (await this.#dial(addresses)), sent, () => this.#dial(addresses))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Sends a piece of the body; resolves when the connection has taken it. Throws GuestFault. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#requestBody.write(bytes)
      this.#deadline.extend()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** Ends the body, with trailers that were checked. Throws GuestFault. */
  finish(trailers: Headers): void {
    try {
      // Only chunks leave a place for them (RFC 9112 section 7.1.2).
      const isChunked = this.#request.hasBody && this.#request.contentLength === undefined
      if (trailers.length > 0 && !isChunked) throw httpFault('HTTP-request-trailer-section-size', 'trailers behind a body with a length')
      this.#requestBody.finish(trailers)
      this.#deadline.extend()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** The head of the response, when it has come. Throws GuestFault. */
  response(): Promise<ResponseHead> {
    return this.#responded.promise
  }

  /** At most `length` bytes of the response's body. Throws GuestFault. */
  async read(length: number): Promise<ResponseChunk> {
    await this.#responded.promise
    const { ingressLeft } = this.#world.session
    if (this.#responseBody === undefined) throw httpFault('internal-error')
    // What other calls brought in meanwhile may have used the limit up.
    if (ingressLeft < 1 && this.#responseBody.queuedBytes > 0) {
      throw this.#fail(httpFault('HTTP-response-body-size', 'ingress limit reached'))
    }
    return this.#responseBody.read(Math.min(length, Math.max(1, ingressLeft)))
  }

  /** Gives the exchange up, if it is not complete. */
  close(): Promise<void> {
    this.#fail(httpFault('connection-terminated', 'closed'))
    return Promise.resolve()
  }

  /** The rule that allowed the request. */
  get rule(): NetRule {
    return this.#request.rule
  }

  summary(): Readonly<Record<string, string | number | boolean>> {
    return {
      ...(this.#status !== undefined && { status: this.#status }),
      ...(this.#address !== undefined && { address: this.#address }),
      ...(this.#isReused && { reused: true }),
      ...(this.#fault !== undefined && this.#fault.detail !== 'closed' && { error: this.#fault.message }),
      bytesSent: this.#requestBody.bytes,
      bytesReceived: this.#bytesReceived,
    }
  }

  #expect(code: 'DNS-timeout' | 'connection-timeout' | 'connection-read-timeout', ms: number): void {
    this.#deadline.arm(ms, () => this.#fail(httpFault(code, `${ms} ms`)))
  }

  /** The first byte of the response: a server that sends something, but no whole head, is another failure (RFC 9209 section 2.3). */
  #expectHead(): void {
    const ms = this.#request.firstByteTimeoutMs
    this.#deadline.arm(ms, () => {
      const isSilent = this.#parser === undefined || this.#parser.received === 0
      this.#fail(httpFault(isSilent ? 'connection-read-timeout' : 'HTTP-response-timeout', `${ms} ms`))
    })
  }

  /** What cannot be cancelled is no longer waited for. */
  #unlessOver<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#over
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(this.#fault ?? httpFault('connection-terminated'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    })
  }

  async #dial(addresses: readonly string[]): Promise<Connection> {
    const { target, connectTimeoutMs } = this.#request
    const { scheme, host, port } = target.capability
    this.#expect('connection-timeout', connectTimeoutMs)
    const { extraCertificates, places } = this.#world
    return await dial({ scheme, host, port, addresses, extraCertificates }, places, this.#over.signal)
  }

  #send(connection: Connection, headers: Headers, dialAgain: () => Promise<Connection>): void {
    if (this.#over.signal.aborted) {
      connection.destroy()
      return
    }
    this.#connection = connection
    this.#address = connection.address
    const { method } = this.#request.target.capability
    const sender = new RequestSender(connection, this.#requestBody, {
      isChunked: this.#request.contentLength === undefined,
      stalled: (isStalled) => this.#stalled(isStalled),
      failed: (error) => void this.#fail(error),
    })
    this.#sender = sender
    const parser = new ResponseParser(
      {
        continued: () => sender.begin(),
        head: (status, raw) => this.#begin(status, raw),
        body: (bytes) => this.#receive(bytes),
        end: (trailers) => this.#end(trailers),
      },
      { isBodiless: method === 'HEAD' },
    )
    this.#parser = parser
    const cut = (error: Error | undefined): void => {
      if (this.#mayRepeat(parser)) void this.#repeat(headers, dialAgain)
      else this.#guarded(() => (error === undefined ? parser.finish() : this.#fail(error)))
    }
    connection.use({
      onBytes: (bytes) => this.#guarded(() => parser.push(bytes)),
      onEnd: () => cut(undefined),
      onClosed: cut,
    })
    this.#expectHead()
    connection.socket.write(headText(this.#request, headers), 'latin1')
    if (!this.#request.hasBody) sender.skip()
    else if (this.#request.expectsContinue) sender.beginSoon()
    else sender.begin()
  }

  /** Whether the server closed a kept connection before it can have seen the request. */
  #mayRepeat(parser: ResponseParser): boolean {
    return this.#isReused && parser.received === 0 && !this.#over.signal.aborted && isRepeatable(this.#request)
  }

  async #repeat(headers: Headers, dialAgain: () => Promise<Connection>): Promise<void> {
    this.#isReused = false
    this.#connection?.destroy()
    this.#connection = undefined
    try {
      this.#send(await dialAgain(), headers, dialAgain)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** What goes wrong while bytes come in ends this exchange and nothing else. */
  #guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** While the server takes nothing of the request, it is not expected to answer either. */
  #stalled(isStalled: boolean): void {
    if (this.#status !== undefined || this.#over.signal.aborted) return
    const ms = this.#request.betweenBytesTimeoutMs
    if (isStalled) this.#deadline.arm(ms, () => this.#fail(httpFault('connection-write-timeout', `${ms} ms`)))
    else this.#expectHead()
  }

  #begin(status: number, raw: Headers): void {
    const headers = responseHeaders(raw, this.#world.secrets)
    const coding = headers.find(([name, value]) => name.toLowerCase() === 'content-encoding' && value.toLowerCase() !== 'identity')
    if (coding !== undefined && this.#request.rule.secret !== undefined) {
      throw httpFault('HTTP-response-content-coding', 'a response to a request with a secret must be readable, to mask the secret in it')
    }
    const bytes = headBytes(headers)
    if (bytes > this.#world.session.ingressLeft) throw httpFault('HTTP-response-header-section-size', 'ingress limit reached')
    this.#status = status
    this.#bytesReceived += bytes
    this.#responseBody = new ResponseBody(this.#world.secrets.redaction())
    this.#expect('connection-read-timeout', this.#request.betweenBytesTimeoutMs)
    this.#responded.resolve({ status, headers, bytes })
  }

  #receive(chunk: Buffer): void {
    const body = this.#responseBody
    const socket = this.#connection?.socket
    if (body === undefined || socket === undefined) throw httpFault('internal-error')
    this.#bytesReceived += chunk.length
    if (body.queuedBytes + chunk.length > this.#world.session.ingressLeft) {
      throw httpFault('HTTP-response-body-size', 'ingress limit reached')
    }
    const mustWait = body.push(chunk, {
      pause: () => socket.pause(),
      resume: () => {
        // The connection of a complete response may be somebody else's by now.
        if (this.#connection === undefined) return
        this.#expect('connection-read-timeout', this.#request.betweenBytesTimeoutMs)
        socket.resume()
      },
    })
    // While the guest does not read, nothing is expected of the server.
    if (mustWait) this.#deadline.disarm()
    else this.#deadline.extend()
  }

  #end(trailers: Headers): void {
    this.#done = true
    this.#responseBody?.end(responseHeaders(trailers, this.#world.secrets))
    this.#deadline.disarm()
    const connection = this.#connection
    this.#connection = undefined
    // After the parser is through with what came in this piece: what stands behind the response decides.
    queueMicrotask(() => this.#partFrom(connection))
    // A server may answer before it has read all: what is still being written has nowhere to go.
    this.#requestBody.fail(httpFault('connection-terminated', 'the response is complete'))
  }

  #partFrom(connection: Connection | undefined): void {
    if (connection === undefined) return
    const isUsable = this.#parser?.leavesConnectionUsable === true && this.#sender?.isDone === true && !this.#over.signal.aborted
    if (isUsable) this.#world.idle.give(connectionKey(this.#request), connection, this.#parser?.idleMs)
    else connection.destroy()
  }

  /** Ends the exchange with the first thing that went wrong, and gives that. After a complete response nothing is wrong any more. */
  #fail(error: unknown): GuestFault {
    const fault = this.#quoteless(this.#incomplete(faultOfCause(error)))
    if (this.#fault === undefined && !this.#done) this.#fault = fault
    this.#deadline.disarm()
    this.#sender?.stop()
    this.#requestBody.fail(this.#fault ?? fault)
    this.#responseBody?.fail(this.#fault ?? fault)
    this.#responded.reject(this.#fault ?? fault)
    this.#over.abort()
    this.#connection?.destroy()
    return this.#fault ?? fault
  }

  #incomplete(fault: GuestFault): GuestFault {
    const hasBegun = this.#status !== undefined || (this.#parser?.received ?? 0) > 0
    const isCut = hasBegun && caseOf(fault) === 'connection-terminated' && fault.detail !== 'closed' && fault.detail !== 'the session ended'
    return isCut ? httpFault('HTTP-response-incomplete', fault.detail) : fault
  }

  /** What a fault quotes of a response may be the secret that the server was sent, cut so that no mask would know it. */
  #quoteless(fault: GuestFault): GuestFault {
    const code = caseOf(fault)
    return this.#request.rule.secret === undefined || fault.code === code ? fault : new GuestFault(code, fault.detail)
  }
}
