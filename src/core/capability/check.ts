import { normaliseGuestPath, normaliseUrlPath, isWithin } from '#core/policy/path.ts'
import { normaliseHost } from '#core/policy/host-pattern.ts'
import type { Capability } from './capability.ts'

/** The longest name of a secret or tool. */
const maxNameLength = 256

type Fields = Readonly<Record<string, unknown>>

const isName = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && value.length <= maxNameLength && value.isWellFormed() && !value.includes('\0')

const isPort = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535

const isNet = ({ scheme, method, host, port, path }: Fields): boolean =>
  (scheme === 'http' || scheme === 'https') &&
  typeof method === 'string' &&
  // An HTTP token (RFC 9110 section 5.6.2), upper case.
  /^[!#$%&'*+.^_`|~0-9A-Z-]{1,64}$/.test(method) &&
  typeof host === 'string' &&
  normaliseHost(host) === host &&
  isPort(port) &&
  typeof path === 'string' &&
  normaliseUrlPath(path) === path

const isFs = ({ mount, path }: Fields): boolean =>
  typeof mount === 'string' &&
  normaliseGuestPath(mount) === mount &&
  typeof path === 'string' &&
  normaliseGuestPath(path) === path &&
  isWithin(mount, path)

const isNamed = ({ name }: Fields): boolean => isName(name)

const checks: Readonly<Record<string, (fields: Fields) => boolean>> = {
  'net:request': isNet,
  'fs:read': isFs,
  'fs:write': isFs,
  'secret:use': isNamed,
  'env:read': isNamed,
  'tool:call': isNamed,
}

/** The normal form of a host, port and path was kept: only then do rules mean what they say. Total: never throws. */
export const isCapability = (value: unknown): value is Capability => {
  if (typeof value !== 'object' || value === null) return false
  try {
    const fields: Fields = { ...value }
    const { action } = fields
    return typeof action === 'string' && Object.hasOwn(checks, action) && checks[action]?.(fields) === true
  } catch {
    return false
  }
}
