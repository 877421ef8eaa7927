import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where Cordon keeps things on this host (XDG Base Directory Specification 0.8). */
export interface HostPaths {
  /** Built and ingested components; may be deleted at any time. */
  readonly cache: string
  /** Audit logs, one folder a runtime. */
  readonly audit: string
  /** Keys of this host, outside of cache and audit folders. */
  readonly keys: string
  /** The agents' key-value stores. */
  readonly keyvalue: string
}

const base = (variable: string, ...fallback: readonly string[]): string => {
  const named = process.env[variable]
  // The specification says that relative paths are invalid and must be ignored.
  return named?.startsWith('/') === true ? named : join(homedir(), ...fallback)
}

/** The paths in force, from `$XDG_CACHE_HOME` and `$XDG_STATE_HOME`. */
export const hostPaths = (): HostPaths => {
  const state = join(base('XDG_STATE_HOME', '.local', 'state'), 'cordon')
  return {
    cache: join(base('XDG_CACHE_HOME', '.cache'), 'cordon'),
    audit: join(state, 'audit'),
    keys: join(state, 'keys'),
    keyvalue: join(state, 'keyvalue'),
  }
}

/** The file of the key that signs audit heads; its public half lies beside it with `.pub`. */
export const auditKeyFile = (paths: HostPaths): string => join(paths.keys, 'audit-ed25519.pem')

/** The file of the key that authenticates the ingest cache. */
export const cacheKeyFile = (paths: HostPaths): string => join(paths.keys, 'cache-hmac.key')

/** The file of the key that seals the key-value stores. Without it nobody can read them, their owner neither. */
export const keyvalueKeyFile = (paths: HostPaths): string => join(paths.keys, 'keyvalue.key')
