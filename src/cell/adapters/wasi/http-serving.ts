import { sealClass } from '#cell/adapters/sealed.ts'

/**
 * `wasi:http/types` `incoming-request`. Guests built for both directions of HTTP import it; no session is given one yet, so every
 * handle is a forged one and every method throws TypeError.
 */
export class IncomingRequest {
  readonly #never: never

  constructor(never: never) {
    this.#never = never
  }

  method(): never {
    return this.#never
  }

  pathWithQuery(): never {
    return this.#never
  }

  scheme(): never {
    return this.#never
  }

  authority(): never {
    return this.#never
  }

  headers(): never {
    return this.#never
  }

  consume(): never {
    return this.#never
  }
}

/** `wasi:http/types` `response-outparam`; see {@link IncomingRequest}. */
export class ResponseOutparam {
  readonly #never: never

  constructor(never: never) {
    this.#never = never
  }

  static set(this: void, parameter: ResponseOutparam): never {
    return parameter.#never
  }

  sendInformational(): never {
    return this.#never
  }
}

sealClass(IncomingRequest)
sealClass(ResponseOutparam)
