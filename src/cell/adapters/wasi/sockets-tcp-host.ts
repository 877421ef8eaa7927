import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { toPlace, type Place } from './sockets-address.ts'
import { succeeded } from './sockets-error.ts'
import type { ConnectionParts } from './sockets-tcp-connection.ts'

/** A local address that the host keeps for a socket. */
export interface Bound {
  readonly reservation: number
  /** What the guest asked for: what is decided again when it listens. */
  readonly asked: Place
  /** What it got. */
  readonly local: Place
}

/** `tcp.bind`. Rejects with the WitError for the guest. */
export const bind = async (scope: SessionScope, asked: Place): Promise<Bound> => {
  const { value } = succeeded(await scope.call('tcp.bind', { ...asked }))
  return { reservation: Number(value['reservation']), asked, local: toPlace(asked.address, value['port']) }
}

/** `tcp.unbind`; nobody waits for it. */
export const unbind = (scope: SessionScope, { reservation }: Bound): Promise<void> =>
  scope.call('tcp.unbind', { reservation }).then(
    () => undefined,
    () => undefined,
  )

/** `tcp.connect` and `tcp.connected`. Rejects with the WitError for the guest, the host's socket closed. */
export const connect = async (scope: SessionScope, remote: Place, bound: Bound | undefined): Promise<ConnectionParts> => {
  const begun = succeeded(await scope.call('tcp.connect', { ...remote, reservation: bound?.reservation ?? null }))
  const handle = Number(begun.value['handle'])
  try {
    const { value } = succeeded(await scope.call('tcp.connected', { handle }))
    return { handle, connection: 0, local: toPlace(value['address'], value['port']), remote }
  } catch (error) {
    await scope.call('tcp.close', { handle, connection: 0 }).catch(() => undefined)
    throw error
  }
}

/** `tcp.listen`. Rejects with the WitError for the guest. */
export const listen = async (scope: SessionScope, { reservation, asked }: Bound, backlog: number): Promise<number> => {
  const { value } = succeeded(await scope.call('tcp.listen', { ...asked, reservation, backlog }))
  return Number(value['handle'])
}
