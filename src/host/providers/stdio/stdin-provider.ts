import type { Provider, ProviderSession } from '#host/broker/provider.ts'

/** Gives a session its standard input. `undefined` is an input that has ended. */
export const createStdinProvider = (_session: ProviderSession, _source: AsyncIterable<Uint8Array> | Uint8Array | undefined): Provider => {
  throw new TypeError('not built yet')
}
