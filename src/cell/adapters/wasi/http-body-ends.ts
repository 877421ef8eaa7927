import type { FieldEntry } from './http-fields.ts'
import type { Chunk } from './inbound-pipe.ts'
import type { HttpErrorCode } from './io-error.ts'

/** Where the bytes of an `incoming-body` come from: the response of a request that was sent, or a request that is served. */
export interface BodySource {
  /** Reads at most `length` bytes. Rejects with {@link PipeFailure}. */
  read(length: number): Promise<Chunk>
  /** Known when the body has ended. */
  readonly trailers: readonly FieldEntry[]
  /** The rest is not read. Idempotent. */
  close(): void
  /** Calls `wake` at most once, when something may have changed; gives the way to take it back. */
  wait(wake: () => void): () => void
}

/** Where the bytes of an `outgoing-body` go: a request that is sent, or the response to one that is served. */
export interface BodyTarget {
  /** Whether it was begun with a body. */
  readonly hasBody: boolean
  /** Sends the head, once. */
  begin(hasBody: boolean): void
  /** Rejects with {@link PipeFailure}. */
  write(bytes: Uint8Array): Promise<void>
  /** The body is whole. */
  finish(trailers: [string, string][]): Promise<void>
  /** Gives the message up: half a body must not look like a whole one. */
  fail(code: HttpErrorCode): void
}
