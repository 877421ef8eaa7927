import type { Headers } from './request-head.ts'

/** How the body of a request is told from what follows. */
export type RequestFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'counted'; readonly length: number }
  | { readonly kind: 'chunked' }

/** What stands in the head of a request; checked by whoever makes it. */
export interface RequestLines {
  readonly method: string
  /** Path with query. */
  readonly target: string
  readonly host: string
  readonly headers: Headers
  readonly framing: RequestFraming
}

/** The last gate before the wire: whatever was overlooked before, a line is one line. */
const oneLine = (text: string): string => {
  if (/[\0\r\n\u0100-\uffff]/.test(text)) throw new TypeError('expected a line of HTTP without control characters')
  return `${text}\r\n`
}

const fieldLines = (fields: Headers): string => fields.map(([name, value]) => oneLine(`${name}: ${value}`)).join('')

/** Methods for which a server expects to be told that there is no body (RFC 9110 section 8.6). */
const expectsLength = new Set(['POST', 'PUT', 'PATCH'])

const framingLine = (method: string, framing: RequestFraming): string => {
  if (framing.kind === 'chunked') return 'transfer-encoding: chunked\r\n'
  if (framing.kind === 'counted') return `content-length: ${framing.length}\r\n`
  return expectsLength.has(method) ? 'content-length: 0\r\n' : ''
}

/** The head of a request as latin-1 text (RFC 9112). Throws TypeError when a part would not be one line. */
export const requestText = ({ method, target, host, headers, framing }: RequestLines): string =>
  `${oneLine(`${method} ${target} HTTP/1.1`)}${oneLine(`host: ${host}`)}${fieldLines(headers)}${framingLine(method, framing)}\r\n`

/** What ends a chunked body. */
export const lastChunk = (trailers: Headers): string => `0\r\n${fieldLines(trailers)}\r\n`

/** What stands before the bytes of a chunk; `\r\n` stands behind them. */
export const chunkHead = (length: number): string => `${length.toString(16)}\r\n`
