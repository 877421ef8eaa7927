import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'

/** A case of wasi:http's `error-code` in jco's form. */
export interface HttpErrorCode {
  readonly tag: string
  readonly val?: unknown
}

/** What failed below a stream, in the terms of the interface that made the stream. */
export type StreamCause =
  | { readonly kind: 'filesystem'; readonly code: string }
  | { readonly kind: 'http'; readonly code: HttpErrorCode }
  | { readonly kind: 'network'; readonly code: string }
  | { readonly kind: 'other' }

/** `wasi:io/error` `error`. Says no more than the code that the host let the guest know. */
export class IoError {
  readonly #cause: StreamCause
  readonly #held: HeldResource

  constructor(scope: SessionScope, cause: StreamCause) {
    this.#held = new HeldResource(scope)
    this.#cause = cause
  }

  get [inside](): StreamCause {
    return this.#cause
  }

  toDebugString(): string {
    const cause = this.#cause
    if (cause.kind === 'http') return cause.code.tag
    return cause.kind === 'other' ? 'the operation failed' : cause.code
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(IoError)
