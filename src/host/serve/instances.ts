import { setTimeout as sleep } from 'node:timers/promises'
import { ReusedInstance, serveFresh, type RequestWork, type ServedRequest, type SessionStarter } from './served-session.ts'

interface InstancesOptions {
  readonly starter: SessionStarter
  /** How many requests one instance serves. */
  readonly reuse: number
  /** How long one waits for its principal to come again. */
  readonly idleMs: number
  /** Most that wait. */
  readonly maxIdle: number
}

/** How long an instance waits for its place before idle ones of others make room. */
const patienceMs = 50
/** How long a request waits for an instance whose handler has answered and not returned. */
const tailMs = 1000

interface Idle {
  readonly instance: ReusedInstance
  readonly timer: NodeJS.Timeout
}

/** Whether the guest has answered, with a response or an error. */
const hasAnswered = async ({ exchange }: ServedRequest): Promise<boolean> => ['done', 'refused'].includes((await exchange.ended).outcome)

/** The instances of a server: one for each request, or kept for the next request of the same principal and of nobody else. */
export class Instances {
  readonly #options: InstancesOptions
  /** The longest idle first. */
  readonly #idle = new Set<Idle>()
  readonly #live = new Set<ReusedInstance>()
  /** Those whose client has its answer, with when they come back. */
  readonly #finishing = new Map<ReusedInstance, Promise<void>>()
  #closed = false

  constructor(options: InstancesOptions) {
    this.#options = options
  }

  /** Serves a request of the principal of `segment`. Throws CordonError when no session can be started. */
  async serve(segment: string, request: ServedRequest): Promise<RequestWork> {
    const { reuse, starter } = this.#options
    if (reuse === 1) return serveFresh(starter, segment, request)
    const instance = this.#takeIdle(segment) ?? (await this.#soonIdle(segment)) ?? this.#start(segment)
    const work = instance.serve(request)
    const back = work.done.then(async (error) => this.#giveBack(instance, error === undefined && (await hasAnswered(request))))
    const isLast = instance.served >= reuse
    let isBack = false
    const answered = (): unknown => !isBack && this.#finishing.set(instance, back)
    if (!isLast) void request.exchange.ended.then(answered)
    void back.then(() => {
      isBack = true
      this.#finishing.delete(instance)
    })
    return work
  }

  /** Ends those that wait, and each that comes back from now on. Resolves when all have ended. */
  async close(): Promise<void> {
    this.#closed = true
    for (const idle of this.#idle) this.#retire(idle)
    await Promise.all([...this.#live].map((instance) => instance.ended))
  }

  /** Ends all of them at once. */
  kill(reason: string): void {
    for (const instance of this.#live) instance.kill(reason)
  }

  #start(segment: string): ReusedInstance {
    const instance = new ReusedInstance(this.#options.starter, segment)
    this.#live.add(instance)
    void instance.ended.then(() => this.#live.delete(instance))
    void this.#makeRoom(instance)
    return instance
  }

  /** One that waits for a place may wait for a cell in which the instances of another principal stand idle: these have to go. */
  async #makeRoom(instance: ReusedInstance): Promise<void> {
    for (;;) {
      const placed = await Promise.race([instance.placed.then(() => true), sleep(patienceMs, false, { ref: false })])
      if (placed) return
      const longest = [...this.#idle].find((idle) => idle.instance.segment !== instance.segment)
      if (longest === undefined || !this.#options.starter.crowded()) continue
      for (const idle of this.#idle) if (idle.instance.segment === longest.instance.segment) this.#retire(idle)
    }
  }

  /** A client may have its answer, and ask again, before the guest's handler has returned: a new instance would cost more than that little time. */
  async #soonIdle(segment: string): Promise<ReusedInstance | undefined> {
    for (const [instance, back] of this.#finishing) {
      if (instance.segment !== segment) continue
      this.#finishing.delete(instance)
      await Promise.race([back, sleep(tailMs, undefined, { ref: false })])
      return this.#takeIdle(segment)
    }
    return undefined
  }

  #takeIdle(segment: string): ReusedInstance | undefined {
    for (const idle of this.#idle) {
      if (idle.instance.segment !== segment) continue
      this.#forget(idle)
      if (!idle.instance.over) return idle.instance
    }
    return undefined
  }

  /** One that failed, or did not answer, is not used again: what it was about to do when it did, nobody knows. */
  #giveBack(instance: ReusedInstance, isWell: boolean): void {
    const { reuse, idleMs, maxIdle } = this.#options
    if (!isWell || this.#closed || instance.over || instance.served >= reuse) return instance.close()
    const idle = { instance, timer: setTimeout(() => this.#retire(idle), idleMs) }
    this.#idle.add(idle)
    const [oldest] = this.#idle
    if (this.#idle.size > maxIdle && oldest !== undefined) this.#retire(oldest)
  }

  #retire(idle: Idle): void {
    this.#forget(idle)
    idle.instance.close()
  }

  #forget(idle: Idle): void {
    clearTimeout(idle.timer)
    this.#idle.delete(idle)
  }
}
