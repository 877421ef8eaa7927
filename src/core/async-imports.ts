const keyvalueStore: readonly string[] = [
  'open',
  ...['get', 'set', 'delete', 'exists', 'list-keys'].map((method) => `[method]bucket.${method}`),
]
const keyvalueBatch: readonly string[] = ['get-many', 'set-many', 'delete-many']

/**
 * The host functions that may make a guest wait: they cross to the host or last until something happens. Ingest asks jco for
 * suspending imports for exactly these, and the adapters in the cell return promises from exactly these; everything
 * else (constructors, drops, getters, `subscribe`, the streams' non-blocking calls) answers at once, which is many times cheaper.
 */
const asyncMembers: Readonly<Record<string, readonly string[]>> = {
  'wasi:io/poll': ['poll', '[method]pollable.block'],
  'wasi:io/streams': [
    '[method]input-stream.blocking-read',
    '[method]input-stream.blocking-skip',
    '[method]output-stream.blocking-write-and-flush',
    '[method]output-stream.blocking-flush',
    '[method]output-stream.blocking-write-zeroes-and-flush',
    '[method]output-stream.blocking-splice',
  ],
  'wasi:filesystem/types': [
    'sync-data',
    'set-size',
    'set-times',
    'read',
    'write',
    'read-directory',
    'sync',
    'create-directory-at',
    'stat',
    'stat-at',
    'set-times-at',
    'link-at',
    'open-at',
    'readlink-at',
    'remove-directory-at',
    'rename-at',
    'symlink-at',
    'unlink-file-at',
    'is-same-object',
    'metadata-hash',
    'metadata-hash-at',
  ]
    .map((method) => `[method]descriptor.${method}`)
    .concat('[method]directory-entry-stream.read-directory-entry'),
  'wasi:config/store': ['get', 'get-all'],
  'wasi:keyvalue/store': keyvalueStore,
  'wasi:keyvalue/atomics': ['[static]cas.new', '[method]cas.current', 'increment', 'swap'],
  'wasi:keyvalue/batch': keyvalueBatch,
  'wasi:keyvalue/store@0.2.0-draft': keyvalueStore,
  'wasi:keyvalue/atomics@0.2.0-draft': ['increment'],
  'wasi:keyvalue/batch@0.2.0-draft': keyvalueBatch,
  'wasi:logging/logging': ['log'],
  'wasi:http/types': ['[method]response-outparam.send-informational'],
  'wasi:sockets/udp': ['[method]outgoing-datagram-stream.send'],
  'cordon:agent/secrets': ['use'],
  'cordon:agent/tools': ['call', 'list'],
}

/** All suspending imports in jco's notation for `asyncImports`, e.g. `wasi:io/streams#[method]input-stream.blocking-read`. */
export const asyncImports: readonly string[] = Object.entries(asyncMembers).flatMap(([id, members]) =>
  members.map((member) => `${id}#${member}`),
)

/**
 * Whether an imported function suspends. `interfaceId` is its `linkedName` (`wasi:io/poll`); `member` is the function's name
 * in the component model (`poll`, `[method]pollable.block`).
 */
export const isAsyncImport = (interfaceId: string, member: string): boolean =>
  Object.hasOwn(asyncMembers, interfaceId) && asyncMembers[interfaceId]?.includes(member) === true
