import { inside, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import type { IoError } from './io-error.ts'
import type { AddressFamily } from './sockets-address.ts'
import { toSocketErrorCode, type SocketErrorCode } from './sockets-error.ts'
import { resolveAddressesIn, ResolveAddressStream } from './sockets-lookup.ts'
import { Network } from './sockets-network.ts'
import { TcpSocket } from './sockets-tcp.ts'
import { IncomingDatagramStream, OutgoingDatagramStream } from './sockets-udp-streams.ts'
import { UdpSocket } from './sockets-udp.ts'

/** All of `wasi:sockets`. Linked for everybody: what a session was not granted answers `access-denied`. */
export const socketInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const networkErrorCode = (error: IoError): SocketErrorCode | undefined => {
    const cause = error[inside]
    return cause.kind === 'network' ? toSocketErrorCode(cause.code) : undefined
  }
  return {
    'wasi:sockets/network': sealInterface({ Network, networkErrorCode }),
    'wasi:sockets/instance-network': sealInterface({ instanceNetwork: (): Network => new Network(slot.scope) }),
    'wasi:sockets/tcp': sealInterface({ TcpSocket }),
    'wasi:sockets/tcp-create-socket': sealInterface({
      createTcpSocket: (family: AddressFamily): TcpSocket => new TcpSocket(slot.scope, family),
    }),
    'wasi:sockets/udp': sealInterface({ UdpSocket, IncomingDatagramStream, OutgoingDatagramStream }),
    'wasi:sockets/udp-create-socket': sealInterface({
      createUdpSocket: (family: AddressFamily): UdpSocket => new UdpSocket(slot.scope, family),
    }),
    'wasi:sockets/ip-name-lookup': sealInterface({ ResolveAddressStream, resolveAddresses: resolveAddressesIn(slot) }),
  }
}
