import { HeldResource } from '#cell/adapters/held-resource.ts'
import { inside, sealClass } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { socketError } from './sockets-error.ts'

/** `wasi:sockets/network` `network`: the one network of a session. It grants nothing; every act on it is decided by the host. */
export class Network {
  readonly #scope: SessionScope
  readonly #held: HeldResource

  constructor(scope: SessionScope) {
    this.#held = new HeldResource(scope)
    this.#scope = scope
  }

  get [inside](): SessionScope {
    return this.#scope
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(Network)

/** Checks that a guest handed over the network of its own session: a forged handle throws TypeError, another's is `invalid-argument`. */
export const requireNetwork = (network: Network, scope: SessionScope): void => {
  if (network[inside] !== scope) throw socketError('invalid-argument')
}
