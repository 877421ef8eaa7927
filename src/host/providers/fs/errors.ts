import { constants } from 'node:os'
import { GuestFault } from '#host/broker/provider.ts'

/** What each case of the error-code enum of wasi:filesystem 0.2 (`types.wit`) stands for: its errno, as its prose names it. */
const errnoNames = {
  access: ['EACCES'],
  'would-block': ['EAGAIN', 'EWOULDBLOCK'],
  already: ['EALREADY'],
  'bad-descriptor': ['EBADF'],
  busy: ['EBUSY'],
  deadlock: ['EDEADLK'],
  quota: ['EDQUOT'],
  exist: ['EEXIST'],
  'file-too-large': ['EFBIG'],
  'illegal-byte-sequence': ['EILSEQ'],
  'in-progress': ['EINPROGRESS'],
  interrupted: ['EINTR'],
  invalid: ['EINVAL'],
  io: ['EIO'],
  'is-directory': ['EISDIR'],
  loop: ['ELOOP'],
  'too-many-links': ['EMLINK'],
  'message-size': ['EMSGSIZE'],
  'name-too-long': ['ENAMETOOLONG'],
  'no-device': ['ENODEV'],
  // A file that its server forgot is gone for the guest.
  'no-entry': ['ENOENT', 'ESTALE'],
  'no-lock': ['ENOLCK'],
  // The last two: no descriptor is left, of the process or the system.
  'insufficient-memory': ['ENOMEM', 'EMFILE', 'ENFILE'],
  'insufficient-space': ['ENOSPC'],
  'not-directory': ['ENOTDIR'],
  'not-empty': ['ENOTEMPTY'],
  'not-recoverable': ['ENOTRECOVERABLE'],
  unsupported: ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'],
  'no-tty': ['ENOTTY'],
  'no-such-device': ['ENXIO'],
  overflow: ['EOVERFLOW'],
  'not-permitted': ['EPERM'],
  pipe: ['EPIPE'],
  'read-only': ['EROFS'],
  'invalid-seek': ['ESPIPE'],
  'text-file-busy': ['ETXTBSY'],
  'cross-device': ['EXDEV'],
} as const

/** A case name of the error-code enum of wasi:filesystem 0.2. */
export type FsErrorCode = keyof typeof errnoNames

/** Linux numbers that Node gives no name. */
const unnamed: Readonly<Record<string, number>> = { ENOTRECOVERABLE: 131 }

const isCode = (name: string): name is FsErrorCode => Object.hasOwn(errnoNames, name)

/** By number: Node knows several of these errors (`EDQUOT`) by no name. */
const codeOfErrno: ReadonlyMap<number, FsErrorCode> = new Map(
  Object.entries(errnoNames).flatMap(([code, names]) =>
    names.flatMap((name) => {
      const number = Object.entries({ ...constants.errno, ...unnamed }).find(([known]) => known === name)?.[1]
      return number === undefined || !isCode(code) ? [] : [[number, code] as const]
    }),
  ),
)

/** A refusal with a wasi:filesystem code; `detail` is for the operator and must not name a host path. */
export const fsFault = (code: FsErrorCode, detail?: string): GuestFault => new GuestFault(code, detail)

/** The code of a refusal; undefined for anything else. */
export const faultCode = (error: unknown): string | undefined => (error instanceof GuestFault ? error.code : undefined)

/**
 * What a failed system call comes to for the guest. Node's message carries the host path, so nothing of it is kept.
 * Gives anything that is no system error back as it is: that is a fault of ours.
 */
export const faultOfErrno = (error: unknown): unknown => {
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number' && 'code' in error)) return error
  return new GuestFault(codeOfErrno.get(Math.abs(error.errno)) ?? 'io', String(error.code))
}
