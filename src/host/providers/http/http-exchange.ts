import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { Client, type Dispatcher } from 'undici'
import type { NetRule } from '#core/policy/rules.ts'
import { GuestFault, type OpenHandle, type ProviderSession } from '#host/broker/provider.ts'
import type { OwnAddresses, ResolveName } from '#host/providers/host-addresses.ts'
import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'
import { Deadline } from './deadline.ts'
import { checkedAddresses, type Connection, dial } from './destination.ts'
import { faultOfCause, httpFault } from './errors.ts'
import type { Headers, RequestTarget } from './request-head.ts'
import { RequestBody } from './request-body.ts'
import { ResponseBody, type ResponseChunk } from './response-body.ts'
import { headBytes, responseHeaders } from './response-head.ts'
import { withSecret } from './secret-guard.ts'

/** A request that was decided on and checked: nothing of it comes from the guest any more but the body. */
export interface PreparedRequest {
  readonly target: RequestTarget
  readonly rule: NetRule
  readonly headers: Headers
  readonly contentLength: number | undefined
  readonly hasBody: boolean
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly betweenBytesTimeoutMs: number
}

/** What exchanges of one session share. */
export interface HttpWorld {
  readonly session: ProviderSession
  readonly secrets: SecretVault
  readonly resolve: ResolveName
  readonly denies: readonly NetRule[]
  readonly ownAddresses: OwnAddresses
  readonly extraCertificates: readonly string[]
}

/** The head of a response, and what it counts. */
export interface ResponseHead {
  readonly status: number
  readonly headers: Headers
  readonly bytes: number
}

const maxResponseHeaderBytes = 32 * 1024
/**
 * What framing may cost: informational responses, chunk extensions and trailers bring a guest nothing that is counted, so a server
 * could send them for ever. A TLS record for each chunk of one byte stays below the factor.
 */
const maxOverhead = { factor: 64, bytes: 1024 * 1024 }
const overheadCheckMs = 500

/**
 * One request and its response over a connection of its own: resolved, checked, dialled and closed for it alone, so that no
 * connection outlives the check of its address and none is shared between sessions.
 */
export class HttpExchange implements OpenHandle {
  readonly #request: PreparedRequest
  readonly #world: HttpWorld
  readonly #over = new AbortController()
  readonly #deadline = new Deadline()
  readonly #requestBody: RequestBody
  readonly #responded = Promise.withResolvers<ResponseHead>()
  #responseBody: ResponseBody | undefined
  #connection: Connection | undefined
  #overheadTimer: NodeJS.Timeout | undefined
  #client: Client | undefined
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
      const { scheme, host, port } = target.capability
      this.#expect('DNS-timeout', connectTimeoutMs)
      const { denies, ownAddresses, resolve, extraCertificates } = this.#world
      const check = { capability: target.capability, rule, denies, ownAddresses }
      const addresses = await this.#unlessOver(checkedAddresses(check, resolve))
      const sent = await this.#unlessOver(withSecret(headers, target.capability, rule, this.#world.secrets))
      this.#expect('connection-timeout', connectTimeoutMs)
      const connection = await dial({ scheme, host, port, addresses, extraCertificates }, this.#over.signal)
      this.#send(connection, sent)
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

  /** Ends the body. Throws GuestFault. */
  finish(trailers: Headers): void {
    try {
      // HTTP/1.1 servers may drop or merge them, and nothing here could check what they do then.
      if (trailers.length > 0) throw httpFault('HTTP-request-trailer-section-size', 'request trailers are not sent')
      this.#requestBody.finish()
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
    if (ingressLeft < 1 && this.#responseBody.queuedBytes > 0)
      throw this.#fail(httpFault('HTTP-response-body-size', 'ingress limit reached'))
    return this.#responseBody.read(Math.min(length, Math.max(1, ingressLeft)))
  }

  async close(): Promise<void> {
    this.#fail(httpFault('connection-terminated', 'closed'))
    await this.#client?.destroy()
  }

  summary(): Readonly<Record<string, string | number>> {
    return {
      ...(this.#status !== undefined && { status: this.#status }),
      ...(this.#connection !== undefined && { address: this.#connection.address }),
      ...(this.#fault !== undefined && this.#fault.detail !== 'closed' && { error: this.#fault.message }),
      bytesSent: this.#requestBody.bytes,
      bytesReceived: this.#bytesReceived,
    }
  }

  #expect(code: 'DNS-timeout' | 'connection-timeout' | 'HTTP-response-timeout' | 'connection-read-timeout', ms: number): void {
    this.#deadline.arm(ms, () => this.#fail(httpFault(code, `${ms} ms`)))
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

  #send(connection: Connection, headers: Headers): void {
    this.#connection = connection
    if (this.#over.signal.aborted) {
      connection.socket.destroy()
      return
    }
    const { target, contentLength, hasBody } = this.#request
    const { scheme, host, port, method, path } = target.capability
    const client = new Client(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`, clientOptions(connection.socket))
    this.#client = client
    // Without a listener an error of undici's own would end the host; its types leave the event out.
    const emitter: EventEmitter = client
    emitter.on('error', (error: unknown) => {
      this.#fail(error)
    })
    this.#expect('HTTP-response-timeout', this.#request.firstByteTimeoutMs)
    this.#overheadTimer = setInterval(() => this.#checkOverhead(connection), overheadCheckMs).unref()
    const length = hasBody && contentLength !== undefined ? ['content-length', String(contentLength)] : []
    client.dispatch(
      {
        method,
        path: path + target.query,
        headers: [...headers.flat(), ...length],
        body: hasBody ? Readable.from(this.#requestBody, { highWaterMark: 1 }) : null,
        reset: true,
        idempotent: false,
      },
      this.#handler(),
    )
  }

  #checkOverhead({ received }: Connection): void {
    if (received() > this.#bytesReceived * maxOverhead.factor + maxOverhead.bytes) {
      this.#fail(httpFault('HTTP-protocol-error', `${received()} bytes came for ${this.#bytesReceived} of a response`))
    }
  }

  #handler(): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller) => {
        const abort = (): void => controller.abort(this.#fault ?? httpFault('connection-terminated'))
        if (this.#over.signal.aborted) abort()
        else this.#over.signal.addEventListener('abort', abort, { once: true })
      },
      onRequestUpgrade: (controller) => controller.abort(httpFault('HTTP-protocol-error', 'upgraded')),
      onResponseStart: (controller, status) => this.#begin(status, controller.rawHeaders),
      onResponseData: (controller, chunk) => this.#receive(chunk, controller),
      onResponseEnd: (controller) => this.#end(controller.rawTrailers),
      onResponseError: (_controller, error) => void this.#fail(error),
    }
  }

  #begin(status: number, rawHeaders: Dispatcher.DispatchController['rawHeaders']): void {
    // Informational responses (RFC 9110 section 15.2) say nothing that a guest could use.
    if (status < 200) return
    const headers = responseHeaders(rawHeaders, this.#world.secrets)
    const coding = headers.find(([name, value]) => name === 'content-encoding' && value.toLowerCase() !== 'identity')
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

  #receive(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    const body = this.#responseBody
    if (body === undefined) throw httpFault('internal-error')
    this.#bytesReceived += chunk.length
    if (body.queuedBytes + chunk.length > this.#world.session.ingressLeft) {
      throw httpFault('HTTP-response-body-size', 'ingress limit reached')
    }
    const mustWait = body.push(chunk, {
      pause: () => controller.pause(),
      resume: () => {
        this.#expect('connection-read-timeout', this.#request.betweenBytesTimeoutMs)
        controller.resume()
      },
    })
    // While the guest does not read, nothing is expected of the server.
    if (mustWait) this.#deadline.disarm()
    else this.#deadline.extend()
  }

  #end(rawTrailers: Dispatcher.DispatchController['rawTrailers']): void {
    this.#done = true
    clearInterval(this.#overheadTimer)
    this.#responseBody?.end(responseHeaders(rawTrailers, this.#world.secrets))
    this.#deadline.disarm()
    // A server may answer before it has read all: what is still being written has nowhere to go.
    this.#requestBody.fail(httpFault('connection-terminated', 'the response is complete'))
  }

  /** Ends the exchange with the first thing that went wrong, and gives that. After a complete response nothing is wrong any more. */
  #fail(error: unknown): GuestFault {
    const fault = this.#incomplete(faultOfCause(error))
    if (this.#fault === undefined && !this.#done) this.#fault = fault
    this.#deadline.disarm()
    clearInterval(this.#overheadTimer)
    this.#requestBody.fail(this.#fault ?? fault)
    this.#responseBody?.fail(this.#fault ?? fault)
    this.#responded.reject(this.#fault ?? fault)
    this.#over.abort()
    this.#connection?.socket.destroy()
    return this.#fault ?? fault
  }

  #incomplete(fault: GuestFault): GuestFault {
    const isCut = this.#status !== undefined && fault.code === 'connection-terminated' && fault.detail !== 'closed'
    return isCut ? httpFault('HTTP-response-incomplete', fault.detail) : fault
  }
}

/** A client for one request over a connection that is already made; it never makes another. */
const clientOptions = (socket: Socket): Client.Options => {
  let isGiven = false
  return {
    connect: (_options, callback) => {
      const isSecond = isGiven
      isGiven = true
      // Not at once: undici is still busy asking.
      queueMicrotask(() => (isSecond ? callback(httpFault('connection-terminated', 'no second connection'), null) : callback(null, socket)))
    },
    allowH2: false,
    // The environment must not choose the parser.
    useMilo: false,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: maxResponseHeaderBytes,
    strictContentLength: true,
  }
}
