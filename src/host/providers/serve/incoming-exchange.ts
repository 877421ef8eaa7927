/** Names and values, as they were written; values are latin-1 text: one character, one byte. */
export type Headers = readonly (readonly [string, string])[]

/**
 * One request that came in and the answer to it, as the HTTP server has them. Each method throws GuestFault, with a case name of wasi:http's error-code,
 * for what cannot be done any more or at no time.
 */
export interface IncomingExchange {
  /** At most `length` bytes of the request's body, waiting for some. `end` with the last of them, trailers then. */
  read(length: number): Promise<{ readonly bytes: Uint8Array; readonly end: boolean; readonly trailers: Headers }>
  /** Sends an informational response (RFC 9110 section 15.2), before the answer's head. Resolves when the connection takes more. */
  inform(head: { readonly status: number; readonly headers: Headers }): Promise<void>
  /** Sends the head of the answer, once. */
  respond(head: { readonly status: number; readonly headers: Headers; readonly hasBody: boolean }): Promise<void>
  /** Resolves when the connection takes more; gives how many bytes really go out. */
  write(bytes: Uint8Array): Promise<number>
  /** The answer is whole. */
  finish(trailers: Headers): Promise<void>
  /** There is no answer but an error, of which `code` is a case of wasi:http's error-code. Once the head was sent the connection is cut. */
  refuse(code: string): Promise<void>
}

/** The requests that one session serves. */
export interface IncomingExchanges {
  /** The one of that invocation, while it is being served. */
  get(invocation: number): IncomingExchange | undefined
}
