import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'

/** The timeouts of a request in nanoseconds. */
export interface Timeouts {
  connectNs: bigint | undefined
  firstByteNs: bigint | undefined
  betweenBytesNs: bigint | undefined
}

/** `wasi:http/types` `request-options`. */
export class RequestOptions {
  readonly #timeouts: Timeouts = { connectNs: undefined, firstByteNs: undefined, betweenBytesNs: undefined }
  readonly #held: HeldResource

  constructor(scope: SessionScope) {
    this.#held = new HeldResource(scope)
  }

  get [inside](): Timeouts {
    return this.#timeouts
  }

  connectTimeout(): bigint | undefined {
    return this.#timeouts.connectNs
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#timeouts.connectNs = duration
  }

  firstByteTimeout(): bigint | undefined {
    return this.#timeouts.firstByteNs
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#timeouts.firstByteNs = duration
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#timeouts.betweenBytesNs
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#timeouts.betweenBytesNs = duration
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(RequestOptions)
