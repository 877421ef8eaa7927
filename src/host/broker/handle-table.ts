import { GuestFault, type OpenHandle } from '#host/broker/provider.ts'

/** An open handle with the call that opened it, whose outcome is recorded when it closes. */
export interface TrackedHandle {
  readonly open: OpenHandle
  /** `undefined` for mounts' roots, which the session was born with. */
  readonly callId: string | undefined
  readonly openedMs: number
  egressBytes: number
  ingressBytes: number
  /** Set by the operation that failed last: what the outcome says. */
  fault: { readonly code: string; readonly detail: string | undefined } | undefined
}

/** The handles of one session. Numbers are never used twice, so that a stale or invented one reaches nothing. */
export class HandleTable {
  readonly #handles = new Map<number, TrackedHandle>()
  #next = 0

  add(handle: TrackedHandle): number {
    const number = this.#next
    this.#next += 1
    this.#handles.set(number, handle)
    return number
  }

  /** Throws {@link GuestFault} `bad-descriptor`. */
  get(number: number): TrackedHandle {
    const handle = this.#handles.get(number)
    if (handle === undefined) throw new GuestFault('bad-descriptor')
    return handle
  }

  remove(number: number): TrackedHandle | undefined {
    const handle = this.#handles.get(number)
    this.#handles.delete(number)
    return handle
  }

  /** Takes all handles out. */
  drain(): readonly TrackedHandle[] {
    const all = [...this.#handles.values()]
    this.#handles.clear()
    return all
  }
}
