import { getStderr } from 'wasi:cli/stderr@0.2.12'
import { getStdout } from 'wasi:cli/stdout@0.2.12'
import type { OutputStream } from 'wasi:io/streams@0.2.12'

import { release } from '#guest/engine.ts'
import { inspect } from './inspect.ts'
import { encodeUtf8 } from './text-codec.ts'

/** The most bytes that `blocking-write-and-flush` takes at once (wasi:io/streams). */
const maxWriteBytes = 4096

const write = (stream: OutputStream, text: string): void => {
  try {
    const bytes = encodeUtf8(text)
    for (let at = 0; at < bytes.length; at += maxWriteBytes) stream.blockingWriteAndFlush(bytes.subarray(at, at + maxWriteBytes))
  } catch {
    // Output that nobody takes is no reason for the agent to fail.
  } finally {
    release(stream)
  }
}

const line = (values: readonly unknown[]): string => `${values.map((value) => inspect(value)).join(' ')}\n`
const out = (...values: unknown[]): void => write(getStdout(), line(values))
const error = (...values: unknown[]): void => write(getStderr(), line(values))

/** `console` for an engine that comes without one: reports to stdout, warnings and errors to stderr. */
export const guestConsole = { log: out, info: out, debug: out, warn: error, error, trace: error }
