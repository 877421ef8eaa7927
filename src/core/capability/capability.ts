/**
 * What a capability call asks for, normalised: the `action` and `resource` of the decision. Made by providers from wire
 * calls, compared with rules by `core/policy`, written into records, and handed back to the provider inside a
 * `Granted`, which is the provider's only source of the target.
 */
export interface NetCapability {
  readonly action: 'net:request'
  readonly scheme: 'http' | 'https'
  /** Upper case. */
  readonly method: string
  /** Lower case DNS name without trailing dot (A-labels), or a canonical IP literal without brackets. */
  readonly host: string
  readonly port: number
  /** Normalised absolute path without query. */
  readonly path: string
}

export interface FsCapability {
  readonly action: 'fs:read' | 'fs:write'
  /** Guest path of the mount. */
  readonly mount: string
  /** Absolute, normalised guest path. */
  readonly path: string
}

export interface SecretCapability {
  readonly action: 'secret:use'
  readonly name: string
}

export interface EnvCapability {
  readonly action: 'env:read'
  readonly name: string
}

export interface ToolCapability {
  readonly action: 'tool:call'
  readonly name: string
}

/** A connection, a listening place or a peer of datagrams. What is checked is what is dialled: an address, never a name. */
export interface SocketCapability {
  readonly action: 'tcp:connect' | 'tcp:listen' | 'udp:send' | 'udp:bind'
  /** A canonical IP literal without brackets. */
  readonly address: string
  /** 0 only in `tcp:listen` and `udp:bind`: the system chooses. */
  readonly port: number
  /** The normalised names that this session was granted to look up and that gave this address. */
  readonly names: readonly string[]
}

export interface LookupCapability {
  readonly action: 'dns:lookup'
  /** Lower case DNS name without trailing dot (A-labels). */
  readonly name: string
}

export interface KeyValueCapability {
  readonly action: 'kv:read' | 'kv:write'
  readonly store: string
  /** Empty for what concerns the store itself: opening it, listing its keys. */
  readonly key: string
}

export interface ConfigCapability {
  readonly action: 'config:read'
  readonly name: string
}

export type Capability =
  | NetCapability
  | FsCapability
  | SecretCapability
  | EnvCapability
  | ToolCapability
  | SocketCapability
  | LookupCapability
  | KeyValueCapability
  | ConfigCapability
export type Action = Capability['action']
