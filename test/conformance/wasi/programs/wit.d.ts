/** What programs import: the types that jco's shim has for WASI, and ours for what it has none. */
declare module 'wasi:filesystem/preopens@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-filesystem-preopens'
}
declare module 'wasi:filesystem/types@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-filesystem-types'
}
declare module 'wasi:io/streams@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-io-streams'
}
declare module 'wasi:io/poll@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-io-poll'
}
declare module 'wasi:cli/environment@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-cli-environment'
}
declare module 'wasi:http/types@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-http-types'
}
declare module 'wasi:http/outgoing-handler@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-http-outgoing-handler'
}
declare module 'wasi:sockets/instance-network@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-sockets-instance-network'
}
declare module 'wasi:sockets/network@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-sockets-network'
}
declare module 'wasi:sockets/ip-name-lookup@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-sockets-ip-name-lookup'
}
declare module 'wasi:sockets/tcp-create-socket@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-sockets-tcp-create-socket'
}
declare module 'wasi:sockets/udp-create-socket@0.2.12' {
  export * from '@bytecodealliance/preview2-shim/interfaces/wasi-sockets-udp-create-socket'
}

declare module 'wasi:config/store@0.2.0-rc.1' {
  export const get: (key: string) => string | undefined
  export const getAll: () => [string, string][]
}
declare module 'wasi:keyvalue/store@0.2.0-draft2' {
  export interface Bucket {
    get(key: string): Uint8Array | undefined
    set(key: string, value: Uint8Array): void
    delete(key: string): void
    exists(key: string): boolean
    listKeys(cursor: string | undefined): { keys: string[]; cursor: string | undefined }
  }
  export const open: (name: string) => Bucket
}
declare module 'wasi:keyvalue/atomics@0.2.0-draft2' {
  type Bucket = import('wasi:keyvalue/store@0.2.0-draft2').Bucket
  export class Cas {
    // eslint-disable-next-line typescript/no-misused-new -- the name that WIT has for it
    static new(bucket: Bucket, key: string): Cas
    current(): Uint8Array | undefined
  }
  export const increment: (bucket: Bucket, key: string, delta: bigint) => bigint
  export const swap: (cas: Cas, value: Uint8Array) => void
}
declare module 'wasi:keyvalue/batch@0.2.0-draft2' {
  type Bucket = import('wasi:keyvalue/store@0.2.0-draft2').Bucket
  export const getMany: (bucket: Bucket, keys: string[]) => ([string, Uint8Array] | undefined)[]
  export const setMany: (bucket: Bucket, entries: [string, Uint8Array][]) => void
  export const deleteMany: (bucket: Bucket, keys: string[]) => void
}
declare module 'wasi:logging/logging@0.1.0-draft' {
  export const log: (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical', context: string, message: string) => void
}

/** How a source that serves gets its requests. */
declare function addEventListener(
  type: 'fetch',
  listener: (event: { readonly request: Request; respondWith(answer: Promise<Response>): void }) => void,
): void
