/** What can be done with a store, as it goes from the host's thread to the one that has the databases. */
export type StoreOperation =
  | { readonly kind: 'open'; readonly store: string }
  | { readonly kind: 'get' | 'stat' | 'delete'; readonly store: string; readonly key: string }
  | { readonly kind: 'set'; readonly store: string; readonly key: string; readonly value: Uint8Array; readonly quotaBytes: number }
  | {
      readonly kind: 'increment'
      readonly store: string
      readonly key: string
      /** A decimal. */
      readonly delta: string
      readonly unsigned: boolean
      readonly quotaBytes: number
    }
  | {
      readonly kind: 'swap'
      readonly store: string
      readonly key: string
      /** A decimal. */
      readonly revision: string
      readonly value: Uint8Array
      readonly quotaBytes: number
    }
  /** `after` is a decimal, null for the first page. */
  | { readonly kind: 'list'; readonly store: string; readonly after: string | null }

/** What an operation gave: fields of the reply, and the value of the key where it has one. */
export interface StoreResult {
  readonly fields: Readonly<Record<string, unknown>>
  readonly body?: Uint8Array<ArrayBuffer>
}

export type StoreFaultCode = 'full' | 'too-large' | 'busy' | 'not-a-number' | 'out-of-range' | 'invalid' | 'unavailable'

/** Why an operation gave nothing. `message` is for the operator: it names no key and no value. */
export class StoreFault extends Error {
  readonly code: StoreFaultCode
  constructor(code: StoreFaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreFault'
    this.code = code
  }
}

/** Operations that change the store. */
export const isChange = ({ kind }: StoreOperation): boolean =>
  kind === 'set' || kind === 'delete' || kind === 'increment' || kind === 'swap'
