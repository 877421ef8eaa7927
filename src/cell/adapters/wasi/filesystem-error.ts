import type { CallReply } from '#wire/calls.ts'
import { WitError } from '#cell/adapters/wit-error.ts'

/** The cases of wasi:filesystem's `error-code`. */
const errorCodes: ReadonlySet<string> = new Set([
  'access',
  'would-block',
  'already',
  'bad-descriptor',
  'busy',
  'deadlock',
  'quota',
  'exist',
  'file-too-large',
  'illegal-byte-sequence',
  'in-progress',
  'interrupted',
  'invalid',
  'io',
  'is-directory',
  'loop',
  'too-many-links',
  'message-size',
  'name-too-long',
  'no-device',
  'no-entry',
  'no-lock',
  'insufficient-memory',
  'insufficient-space',
  'not-directory',
  'not-empty',
  'not-recoverable',
  'unsupported',
  'no-tty',
  'no-such-device',
  'overflow',
  'not-permitted',
  'pipe',
  'read-only',
  'invalid-seek',
  'text-file-busy',
  'cross-device',
])

/** The `error-code` for a code of the host: the same, `not-permitted` for a denial, else `io`. */
export const toErrorCode = (code: string): string => {
  if (errorCodes.has(code)) return code
  return code === 'denied' ? 'not-permitted' : 'io'
}

/** The value and body of a reply. Throws the `error-code` of a failed one. */
export const succeeded = (reply: CallReply): Extract<CallReply, { ok: true }> => {
  if (!reply.ok) throw new WitError(toErrorCode(reply.code))
  return reply
}

/**
 * {@link succeeded} for what changes something below a directory: where nothing may be changed, a refusal says `read-only`, as the prose
 * of `descriptor-flags.mutate-directory` has it. The host was asked all the same, so that the attempt is decided and recorded.
 */
export const changed = (reply: CallReply, { writable }: { readonly writable: boolean }): Extract<CallReply, { ok: true }> => {
  if (!reply.ok && !writable && toErrorCode(reply.code) === 'not-permitted') throw new WitError('read-only')
  return succeeded(reply)
}
