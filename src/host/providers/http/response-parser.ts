import { httpFault } from './errors.ts'
import type { Headers } from './request-head.ts'
import { FieldSection, type SectionLimits } from './field-section.ts'
import { bodyFraming } from './body-framing.ts'
import { type Cursor, LineReader } from './line-reader.ts'

/** What a parser tells of the response as it comes. */
export interface ResponseEvents {
  /** The server wants the body of a request that expects leave to send it. */
  readonly continued: () => void
  /** The head of the response: never an informational one. */
  readonly head: (status: number, headers: Headers) => void
  /** What of the body was in what was pushed; it may be a view of that. */
  readonly body: (bytes: Buffer) => void
  readonly end: (trailers: Headers) => void
}

const headerLimits: SectionLimits = { part: 'header', sectionBytes: 32 * 1024, fieldBytes: 16 * 1024, fields: 256 }
const trailerLimits: SectionLimits = { part: 'trailer', sectionBytes: 16 * 1024, fieldBytes: 8 * 1024, fields: 128 }
const maxStatusLine = 4096
const maxChunkLine = 1024
/** Responses that say nothing a guest could use (RFC 9110 section 15.2), before the one that counts. */
const maxInformational = 32
/**
 * What chunk framing may cost: extensions bring a guest nothing that is counted, so a server could send them for ever. A TLS record for each
 * chunk of one byte stays below the factor.
 */
const maxOverhead = { factor: 64, bytes: 1024 * 1024 }

const statusLine = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/
/** RFC 9112 section 7.1. Thirteen digits are past any body, and exact as a number. */
const chunkLine = /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/

type State = 'status-line' | 'headers' | 'counted' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'to-close' | 'complete'

/**
 * Reads one response of HTTP/1.1 (RFC 9112) from the bytes of a connection. Strict on purpose: of what readers are known to disagree on nothing is
 * repaired, so that no server can make a guest, or a later request on the same connection, see something else than was sent. Every method throws
 * GuestFault and is done with after that.
 */
export class ResponseParser {
  readonly #events: ResponseEvents
  /** A response to HEAD has no body, whatever its head says. */
  readonly #isBodiless: boolean
  readonly #lines = new LineReader()
  #section = new FieldSection(headerLimits)
  #state: State = 'status-line'
  #status = 0
  #version = 1
  #informational = 0
  /** Bytes of the body, or of the chunk, that have not come. */
  #left = 0
  #bodyBytes = 0
  /** Pieces of the body in what is being pushed. */
  readonly #pieces: Buffer[] = []
  #received = 0
  #isPersistent = false
  #idleMs: number | undefined

  constructor(events: ResponseEvents, { isBodiless }: { readonly isBodiless: boolean }) {
    this.#events = events
    this.#isBodiless = isBodiless
  }

  /** Bytes that came. */
  get received(): number {
    return this.#received
  }

  /** Whether the response is complete, with nothing behind it, on a connection that both sides keep. */
  get leavesConnectionUsable(): boolean {
    return this.#state === 'complete' && this.#isPersistent
  }

  /** How long the server says that it keeps an idle connection. */
  get idleMs(): number | undefined {
    return this.#idleMs
  }

  push(bytes: Buffer): void {
    this.#received += bytes.length
    const cursor = { bytes, at: 0 }
    try {
      while (cursor.at < bytes.length && this.#state !== 'complete') this.#steps[this.#state](cursor)
    } finally {
      this.#tellBody()
    }
    // Nobody asked for what comes behind a response: it must not become the answer to the next request.
    if (cursor.at < bytes.length) this.#isPersistent = false
    if (this.#received > this.#bodyBytes * maxOverhead.factor + maxOverhead.bytes) {
      throw httpFault('HTTP-protocol-error', `${this.#received} bytes came for ${this.#bodyBytes} of a body`)
    }
  }

  /** The server sends no more. */
  finish(): void {
    if (this.#state === 'to-close') this.#end([])
    else if (this.#state !== 'complete') throw httpFault(this.#received === 0 ? 'connection-terminated' : 'HTTP-response-incomplete')
  }

  readonly #steps: Readonly<Record<Exclude<State, 'complete'>, (cursor: Cursor) => void>> = {
    'status-line': (cursor) => this.#readStatusLine(cursor),
    headers: (cursor) => {
      const headers = this.#section.take(cursor)
      if (headers !== undefined) this.#readHead(headers)
    },
    counted: (cursor) => {
      this.#passOn(cursor)
      if (this.#left === 0) this.#end([])
    },
    'chunk-size': (cursor) => this.#readChunkSize(cursor),
    chunk: (cursor) => {
      this.#passOn(cursor)
      if (this.#left === 0) this.#state = 'chunk-end'
    },
    'chunk-end': (cursor) => {
      const line = this.#lines.take(cursor, 0)
      if (line === undefined) return
      if (line !== '') throw badChunk('a chunk does not end where it says')
      this.#state = 'chunk-size'
    },
    trailers: (cursor) => {
      const trailers = this.#section.take(cursor)
      if (trailers !== undefined) this.#end(trailers)
    },
    'to-close': (cursor) => {
      this.#left = cursor.bytes.length
      this.#passOn(cursor)
    },
  }

  #readStatusLine(cursor: Cursor): void {
    const line = this.#lines.take(cursor, maxStatusLine)
    if (line === undefined) return
    const match = typeof line === 'string' ? statusLine.exec(line) : null
    if (match === null) throw httpFault('HTTP-protocol-error', 'the status line is malformed')
    this.#version = Number(match[1])
    this.#status = Number(match[2])
    this.#section = new FieldSection(headerLimits)
    this.#state = 'headers'
  }

  #readHead(headers: Headers): void {
    if (this.#status < 200) {
      this.#readInformational()
      return
    }
    const framing = bodyFraming(headers, { version: this.#version, status: this.#status, isBodiless: this.#isBodiless })
    this.#isPersistent = framing.isPersistent && framing.kind !== 'to-close'
    this.#idleMs = framing.idleMs
    this.#events.head(this.#status, headers)
    this.#left = framing.length
    if (framing.kind === 'counted' && framing.length === 0) this.#end([])
    else this.#state = framing.kind === 'chunked' ? 'chunk-size' : framing.kind
  }

  #readInformational(): void {
    if (this.#status === 101) throw httpFault('HTTP-upgrade-failed', 'an upgrade that nobody asked for')
    this.#informational += 1
    if (this.#informational > maxInformational)
      throw httpFault('HTTP-protocol-error', `more than ${maxInformational} informational responses`)
    if (this.#status === 100) this.#events.continued()
    this.#state = 'status-line'
  }

  #readChunkSize(cursor: Cursor): void {
    const line = this.#lines.take(cursor, maxChunkLine)
    if (line === undefined) return
    const digits = typeof line === 'string' ? chunkLine.exec(line)?.[1] : undefined
    if (digits === undefined) throw badChunk('a chunk size is malformed')
    this.#left = Number.parseInt(digits, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    if (this.#left === 0) this.#section = new FieldSection(trailerLimits)
  }

  #passOn(cursor: Cursor): void {
    const piece = cursor.bytes.subarray(cursor.at, cursor.at + this.#left)
    cursor.at += piece.length
    this.#left -= piece.length
    this.#bodyBytes += piece.length
    this.#pieces.push(piece)
  }

  /** All at once: a server may put each byte into a chunk of its own, and whoever gets them does work for each piece. */
  #tellBody(): void {
    const pieces = this.#pieces.splice(0)
    const [only] = pieces
    if (only !== undefined) this.#events.body(pieces.length === 1 ? only : Buffer.concat(pieces))
  }

  #end(trailers: Headers): void {
    this.#tellBody()
    this.#state = 'complete'
    this.#events.end(trailers)
  }
}

const badChunk = (detail: string): Error => httpFault('HTTP-response-transfer-coding', detail, 'chunked')
