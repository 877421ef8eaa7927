import { normaliseGuestPath, normaliseUrlPath, isWithin } from '#core/policy/path.ts'
import { parseAddress } from '#core/policy/address.ts'
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

const isLookup = ({ name }: Fields): boolean => typeof name === 'string' && normaliseHost(name) === name && parseAddress(name) === undefined

/** The most names that one address may have. */
const maxNames = 64

const isSocket =
  (lowestPort: 0 | 1) =>
  ({ address, port, names }: Fields): boolean =>
    typeof address === 'string' &&
    parseAddress(address) !== undefined &&
    normaliseHost(address) === address &&
    (isPort(port) || (lowestPort === 0 && port === 0)) &&
    Array.isArray(names) &&
    names.length <= maxNames &&
    names.every((name: unknown) => isLookup({ name }))

/** The longest key of a store, in UTF-16 units. */
const maxKeyLength = 1024

const isKeyValue = ({ store, key }: Fields): boolean =>
  isName(store) && typeof key === 'string' && key.length <= maxKeyLength && key.isWellFormed()

const checks: Readonly<Record<string, (fields: Fields) => boolean>> = {
  'net:request': isNet,
  'fs:read': isFs,
  'fs:write': isFs,
  'secret:use': isNamed,
  'env:read': isNamed,
  'tool:call': isNamed,
  'tcp:connect': isSocket(1),
  'tcp:listen': isSocket(0),
  'udp:send': isSocket(1),
  'udp:bind': isSocket(0),
  'dns:lookup': isLookup,
  'kv:read': isKeyValue,
  'kv:write': isKeyValue,
  'config:read': isNamed,
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
