/**
 * What the JavaScript engines make of the WIT modules that `src/guest` imports. Only the members used here.
 * A `u64` is a bigint on StarlingMonkey and a number on QuickJS: see `u64` in `engine.ts`.
 */
declare module 'cordon:agent/secrets@0.1.0' {
  export const use: (name: string) => string
}

declare module 'cordon:agent/tools@0.1.0' {
  export const call: (name: string, input: string) => string
  export const list: () => string
}

declare module 'wasi:cli/environment@0.2.12' {
  export const getEnvironment: () => [string, string][]
  export const getArguments: () => string[]
}

declare module 'wasi:cli/stdout@0.2.12' {
  export const getStdout: () => import('wasi:io/streams@0.2.12').OutputStream
}

declare module 'wasi:cli/stderr@0.2.12' {
  export const getStderr: () => import('wasi:io/streams@0.2.12').OutputStream
}

declare module 'wasi:io/streams@0.2.12' {
  export interface OutputStream {
    blockingWriteAndFlush(contents: Uint8Array): void
    [Symbol.dispose]?(): void
  }
}

declare module 'wasi:io/poll@0.2.12' {
  export interface Pollable {
    block(): void
    [Symbol.dispose]?(): void
  }
}

declare module 'wasi:clocks/monotonic-clock@0.2.12' {
  export const now: () => bigint | number
  export const subscribeDuration: (nanoseconds: bigint | number) => import('wasi:io/poll@0.2.12').Pollable
}

declare module 'wasi:random/random@0.2.12' {
  export const getRandomBytes: (length: bigint | number) => Uint8Array
}

declare module 'wasi:filesystem/preopens@0.2.12' {
  export const getDirectories: () => [import('wasi:filesystem/types@0.2.12').Descriptor, string][]
}

declare module 'wasi:filesystem/types@0.2.12' {
  export type DescriptorType =
    | 'unknown'
    | 'block-device'
    | 'character-device'
    | 'directory'
    | 'fifo'
    | 'symbolic-link'
    | 'regular-file'
    | 'socket'
  export interface Datetime {
    seconds: bigint | number
    nanoseconds: number
  }
  export interface DescriptorStat {
    type: DescriptorType
    size: bigint | number
    dataModificationTimestamp?: Datetime | null
  }
  export interface DirectoryEntryStream {
    readDirectoryEntry(): { type: DescriptorType; name: string } | null | undefined
    [Symbol.dispose]?(): void
  }
  export interface Descriptor {
    read(length: bigint | number, offset: bigint | number): [Uint8Array | number[], boolean]
    write(buffer: Uint8Array, offset: bigint | number): bigint | number
    readDirectory(): DirectoryEntryStream
    createDirectoryAt(path: string): void
    statAt(pathFlags: { symlinkFollow?: boolean }, path: string): DescriptorStat
    openAt(
      pathFlags: { symlinkFollow?: boolean },
      path: string,
      openFlags: { create?: boolean; directory?: boolean; exclusive?: boolean; truncate?: boolean },
      flags: { read?: boolean; write?: boolean },
    ): Descriptor
    unlinkFileAt(path: string): void
    [Symbol.dispose]?(): void
  }
}

/** Which engine the bundle is for; `buildAgent` defines it. */
declare const cordonEngine: 'starlingmonkey' | 'quickjs'
