import { GuestFault } from '#host/broker/provider.ts'

/** A case name of the error-code enum of wasi:filesystem 0.2 (`types.wit`). */
export type FsErrorCode =
  | 'access'
  | 'bad-descriptor'
  | 'busy'
  | 'cross-device'
  | 'exist'
  | 'file-too-large'
  | 'illegal-byte-sequence'
  | 'insufficient-memory'
  | 'insufficient-space'
  | 'interrupted'
  | 'invalid'
  | 'io'
  | 'is-directory'
  | 'loop'
  | 'name-too-long'
  | 'no-device'
  | 'no-entry'
  | 'no-such-device'
  | 'not-directory'
  | 'not-empty'
  | 'not-permitted'
  | 'overflow'
  | 'quota'
  | 'read-only'
  | 'text-file-busy'
  | 'too-many-links'
  | 'unsupported'

/** Linux errno → what the guest learns. */
const codeOfErrno: Readonly<Record<string, FsErrorCode>> = {
  EACCES: 'access',
  EBADF: 'bad-descriptor',
  EBUSY: 'busy',
  EDQUOT: 'quota',
  EEXIST: 'exist',
  EFBIG: 'file-too-large',
  EILSEQ: 'illegal-byte-sequence',
  EINTR: 'interrupted',
  EINVAL: 'invalid',
  EIO: 'io',
  EISDIR: 'is-directory',
  ELOOP: 'loop',
  EMFILE: 'insufficient-memory',
  EMLINK: 'too-many-links',
  ENAMETOOLONG: 'name-too-long',
  ENFILE: 'insufficient-memory',
  ENODEV: 'no-device',
  ENOENT: 'no-entry',
  ENOMEM: 'insufficient-memory',
  ENOSPC: 'insufficient-space',
  ENOSYS: 'unsupported',
  ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty',
  ENOTSUP: 'unsupported',
  ENXIO: 'no-such-device',
  EOPNOTSUPP: 'unsupported',
  EOVERFLOW: 'overflow',
  EPERM: 'not-permitted',
  EROFS: 'read-only',
  ESTALE: 'no-entry',
  ETXTBSY: 'text-file-busy',
  EXDEV: 'cross-device',
}

/** A refusal with a wasi:filesystem code; `detail` is for the operator and must not name a host path. */
export const fsFault = (code: FsErrorCode, detail?: string): GuestFault => new GuestFault(code, detail)

/** The errno name of a system error, or undefined for anything else. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'errno' in error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/**
 * What a failed system call comes to for the guest. Node's message carries the host path, so nothing of it is kept.
 * Gives anything that is no system error back as it is: that is a fault of ours.
 */
export const faultOfErrno = (error: unknown): unknown => {
  const errno = errnoOf(error)
  return errno === undefined ? error : new GuestFault(codeOfErrno[errno] ?? 'io', errno)
}
