import { flag, integer, oneOf, orNull, record, text } from '#wire/shape.ts'

const handle = integer(0, 0xffff_ffff)
/** 0: the one connection of a handle that connected; the accepted ones of a listener count from 1. */
const connection = integer(0, 0xffff_ffff)
/** An address literal without brackets or zone. */
const address = text(45)
const port = integer(0, 65_535)
const bufferBytes = integer(1, 0x7fff_ffff)
/** The most bytes one read may ask for and one write may carry, as everywhere else. */
const chunk = integer(0, 256 * 1024)

/** The longest name that is looked up (RFC 1035 section 2.3.4, in the form with dots, and one at its end). */
export const maxLookupName = 254
/** The longest datagram: what IPv6 carries without jumbograms, less the header of UDP. */
export const maxDatagramBytes = 65_527

/** Operations of wasi:sockets. All refusals are cases of its `error-code`. See `callShapes`. */
export const socketCallShapes = {
  /** Looks a name up, decided on here. → `{ addresses }`: literals, those that no rule could ever reach left out. */
  'dns.lookup': record({ name: text(maxLookupName) }),

  /** Takes a local address for a socket that will connect or listen; nothing can be heard or said there yet. → `{ reservation, port }` */
  'tcp.bind': record({ address, port }),
  /** Gives up what `tcp.bind` took. */
  'tcp.unbind': record({ reservation: handle }),
  /** Begins to connect, decided on here. → `{ handle }`. Uses up the reservation. */
  'tcp.connect': record({ address, port, reservation: orNull(handle) }),
  /** → `{ address, port }` of this end, once connected. */
  'tcp.connected': record({ handle }),
  /** Begins to listen where `tcp.bind` was asked to bind, decided on here. → `{ handle }`. Uses up the reservation. */
  'tcp.listen': record({ address, port, reservation: handle, backlog: integer(1, 0x7fff_ffff) }),
  /** → `{ connection, localAddress, localPort, remoteAddress, remotePort }` of the next one, once it has come. */
  'tcp.accept': record({ handle }),
  /** → body: at most `length` bytes, and `{ end, failure }`; waits for some. */
  'tcp.read': record({ handle, connection, length: chunk }),
  /** Body → `{ failure }` once the system has taken it (backpressure). */
  'tcp.write': record({ handle, connection }),
  'tcp.shutdown': record({ handle, connection, direction: oneOf('receive', 'send') }),
  'tcp.keep-alive': record({
    handle,
    connection,
    enabled: flag,
    idleMs: integer(1000, 0x7fff_ffff),
    intervalMs: integer(1000, 0x7fff_ffff),
    count: integer(1, 127),
  }),
  /** Closes one connection, or (null) stops listening; the handle ends with its last part. */
  'tcp.close': record({ handle, connection: orNull(connection) }),

  /** Binds a datagram socket, decided on here. → `{ handle, address, port }` */
  'udp.open': record({ address, port }),
  /** → `{ datagrams: [address, port, length][] }` and their bytes one after the other as the body; waits for one. */
  'udp.receive': record({ handle }),
  /** Body: one datagram. The first to each peer is decided on. */
  'udp.send': record({ handle, address, port }),
  'udp.options': record({
    handle,
    hopLimit: orNull(integer(1, 255)),
    receiveBufferBytes: orNull(bufferBytes),
    sendBufferBytes: orNull(bufferBytes),
  }),
  'udp.close': record({ handle }),
}

/** What the host answers where a call on sockets fails: cases of the error-code enum of wasi:sockets 0.2 (`network.wit`). */
export const socketHostCodes = [
  'unknown',
  'access-denied',
  'not-supported',
  'invalid-argument',
  'out-of-memory',
  'timeout',
  'invalid-state',
  'new-socket-limit',
  'address-not-bindable',
  'address-in-use',
  'remote-unreachable',
  'connection-refused',
  'connection-reset',
  'connection-aborted',
  'datagram-too-large',
  'name-unresolvable',
  'temporary-resolver-failure',
  'permanent-resolver-failure',
] as const

export type SocketHostCode = (typeof socketHostCodes)[number]
