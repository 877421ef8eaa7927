import type { CallArgs, CallOp, CallReply } from '#wire/calls.ts'
import { Alarms } from './alarms.ts'
import { ByteRoom } from './byte-room.ts'
import { Waiters, type Waitable } from './waitable.ts'
import type { SessionWorld } from './world.ts'

/** What all streams of a session together may read ahead and write behind, beyond what each has anyway. */
const streamRoomBytes = 4 * 1024 * 1024

/**
 * What the adapters of one session share. Made with the imports, reached from every resource through a private field, and
 * dead once the host says that the session is over.
 */
export class SessionScope {
  readonly world: SessionWorld
  readonly alarms: Alarms
  readonly streamRoom = new ByteRoom(streamRoomBytes)
  readonly #endWaiters = new Waiters()
  #over: { readonly reason: unknown } | undefined

  constructor(world: SessionWorld) {
    this.world = world
    this.alarms = new Alarms(world, (reason) => this.endWith(reason))
  }

  /** Asks the host. Rejects when the session is over, and then everything that waits in this session gives up too. */
  async call<O extends CallOp>(op: O, args: CallArgs<O>, body?: Uint8Array): Promise<CallReply> {
    this.throwIfOver()
    try {
      return await this.world.host.call(op, args, body)
    } catch (error) {
      this.endWith(error)
      throw error
    }
  }

  /** Ends all waiting with `reason`; the first one stays. */
  endWith(reason: unknown): void {
    this.#over ??= { reason }
    this.#endWaiters.wakeAll()
  }

  /** Throws what ended the session, if it is over. */
  throwIfOver(): void {
    if (this.#over !== undefined) throw this.#over.reason
  }

  /** An error that no guest can catch: the guest broke a rule of an interface. */
  trap(message: string): Error {
    return this.world.end({ kind: 'trap', message })
  }

  /**
   * Resolves when one of `these` is ready, at once when one is already: that a guest which never has to wait lets its neighbours run is the
   * linker's care. Rejects when the session is over. Each is asked once at the start, and again only when it says that something happened: what wakes
   * one of a thousand for nothing costs one question.
   */
  async waitForAny(these: readonly Waitable[]): Promise<void> {
    this.throwIfOver()
    if (these.some((each) => each.ready())) return
    await this.#wakeFromAny(these)
    this.throwIfOver()
  }

  #wakeFromAny(these: readonly Waitable[]): Promise<void> {
    return new Promise((resolve) => {
      const takeBacks: (() => void)[] = []
      const state = { isAwake: false }
      const wake = (): void => {
        state.isAwake = true
        for (const takeBack of takeBacks.splice(0)) takeBack()
        resolve()
      }
      takeBacks.push(this.#endWaiters.add(wake))
      const watch = (each: Waitable, index: number): void => {
        const takeBack = each.wait(() => {
          if (state.isAwake) return
          if (each.ready()) wake()
          else watch(each, index)
        })
        // Waiting may begin what is waited for, and that may be there at once, or be the end of the session.
        if (state.isAwake) takeBack()
        else takeBacks[index] = takeBack
      }
      for (const [index, each] of these.entries()) {
        if (state.isAwake) break
        watch(each, index + 1)
      }
    })
  }
}
