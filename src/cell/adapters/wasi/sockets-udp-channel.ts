import type { HeldResource } from '#cell/adapters/held-resource.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { Waiters } from '#cell/adapters/waitable.ts'
import { toPlace, type Place } from './sockets-address.ts'
import { socketError, succeeded } from './sockets-error.ts'

/** A datagram that came. */
interface Received {
  readonly from: Place
  readonly bytes: Uint8Array
}

/** Whether two places are the same: both are in canonical form. */
export const isSamePlace = (a: Place, b: Place): boolean => a.address === b.address && a.port === b.port

/** A bound datagram socket at the host, and what came from it and was not received yet: one batch at most. */
export class UdpChannel {
  readonly local: Place
  readonly #scope: SessionScope
  readonly #handle: number
  readonly #waiters = new Waiters()
  #queue: Received[] = []
  #fetching = false
  #failed = false
  #peer: Place | undefined
  #association = 0
  /** The socket, and every stream that the guest holds. */
  readonly #users = new Set<HeldResource>()

  private constructor(scope: SessionScope, handle: number, local: Place) {
    this.#scope = scope
    this.#handle = handle
    this.local = local
  }

  /** `udp.open`. Rejects with the WitError for the guest. */
  static async open(scope: SessionScope, asked: Place): Promise<UdpChannel> {
    const { value } = succeeded(await scope.call('udp.open', { ...asked }))
    return new UdpChannel(scope, Number(value['handle']), toPlace(value['address'], value['port']))
  }

  /** Keeps the host's socket open for one more. */
  keepFor(user: HeldResource): void {
    this.#users.add(user)
  }

  /** One user less; with the last one the host's socket closes, and that one's place in the session's count is kept until then. */
  leave(user: HeldResource): void {
    this.#users.delete(user)
    if (this.#users.size === 0) void this.close().finally(user.work())
  }

  /** The one peer that the socket streams with, if it is limited to one. */
  get peer(): Place | undefined {
    return this.#peer
  }

  /** Which pair of streams is the one that works. */
  get association(): number {
    return this.#association
  }

  /** Begins a new association; gives its number. What came from others before is not for it. */
  associate(peer: Place | undefined): number {
    this.#peer = peer
    if (peer !== undefined) this.#queue = this.#queue.filter(({ from }) => isSamePlace(from, peer))
    return ++this.#association
  }

  ready(): boolean {
    return this.#queue.length > 0 || this.#failed
  }

  wait(wake: () => void): () => void {
    const takeBack = this.#waiters.add(wake)
    this.#fetch()
    return takeBack
  }

  /** At most `most` datagrams of those that are there. Throws `invalid-state` when the host's socket is gone. */
  receive(most: number): readonly Received[] {
    this.#scope.throwIfOver()
    const taken = this.#queue.splice(0, most)
    if (taken.length > 0 || most === 0) return taken
    if (this.#failed) throw socketError('invalid-state')
    this.#fetch()
    return taken
  }

  /** Sends one datagram. Rejects with the WitError for the guest. */
  async send({ address, port }: Place, bytes: Uint8Array): Promise<void> {
    succeeded(await this.#scope.call('udp.send', { handle: this.#handle, address, port }, bytes))
  }

  /** Sets what the host can set; `null` leaves an option as it is. */
  configure(options: {
    readonly hopLimit: number | null
    readonly receiveBufferBytes: number | null
    readonly sendBufferBytes: number | null
  }): void {
    void this.#scope.call('udp.options', { handle: this.#handle, ...options }).catch(() => undefined)
  }

  /** Resolves when the host was told. */
  async close(): Promise<void> {
    this.#failed = true
    this.#queue = []
    this.#waiters.wakeAll()
    await this.#scope.call('udp.close', { handle: this.#handle }).catch(() => undefined)
  }

  #fetch(): void {
    if (this.#fetching || this.ready()) return
    this.#fetching = true
    void this.#receive()
      .catch(() => (this.#failed = true))
      .finally(() => {
        this.#fetching = false
        // What came was for nobody: whoever waits goes on waiting, so this goes on asking.
        if (this.ready()) this.#waiters.wakeAll()
        else this.#fetch()
      })
  }

  async #receive(): Promise<void> {
    const { value, body } = succeeded(await this.#scope.call('udp.receive', { handle: this.#handle }))
    const datagrams: unknown = value['datagrams']
    let at = 0
    for (const each of Array.isArray(datagrams) ? datagrams : []) {
      if (!Array.isArray(each)) continue
      const [address, port, length]: readonly unknown[] = each
      const from = toPlace(address, port)
      const bytes = body.subarray(at, at + Number(length))
      at += bytes.byteLength
      if (!this.#failed && (this.#peer === undefined || isSamePlace(from, this.#peer))) this.#queue.push({ from, bytes })
    }
  }
}
