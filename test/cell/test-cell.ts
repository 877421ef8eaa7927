import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { ComponentLinker } from '#cell/link/component-linker.ts'
import type { Linker } from '#cell/link/linker.ts'
import { serve, type ServeOptions } from '#cell/main.ts'
import { createPortTransport } from '#cell/port.ts'
import type { Call, CallReply } from '#wire/calls.ts'
import { creditOf, decodeFromCell, encode, FrameReader } from '#wire/codec.ts'
import { maxFrameBytes, type FromCell, type GuestAnswer, type SessionStart, type ToCell } from '#wire/messages.ts'
import { JcoLinker } from '#glue/jco.ts'
import { loadMessages } from '#host/pool/load-messages.ts'
import type { TestArtifact } from './component-of.ts'

/** The linkers of both rooms, so that one test can compare them. */
const linkers = { component: new ComponentLinker(), glue: new JcoLinker() } as const
const either: Linker = { link: (artifact) => linkers[artifact.linking].link(artifact) }

export type Ended = Extract<FromCell, { type: 'ended' }>

const nothing = new Uint8Array()

/** What a session gets unless a test says otherwise. */
export const generous: SessionStart = {
  artifact: 'a',
  call: 'cordon:agent/run',
  input: '"input"',
  args: [],
  env: [],
  preopens: [],
  fuel: 1e12,
  cpuTimeMs: 60_000,
  memoryBytes: 64 * 1024 * 1024,
  tableElements: 10_000,
  handles: 256,
  stdinIsTerminal: false,
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
}

/** A started session as the test sees it. */
export interface Running {
  readonly id: number
  readonly ended: Promise<Ended>
  readonly output: string[]
  kill(): void
  /** Calls it, when it is open; stays pending when the session ends without an answer. */
  invoke(call: string, input: string): Promise<GuestAnswer>
  finish(): void
}

interface Known {
  readonly ended: PromiseWithResolvers<Ended>
  readonly output: string[]
  /** By the id of the call. */
  readonly answers: PromiseWithResolvers<GuestAnswer>[]
}

/** How the test answers calls; `undefined` leaves a call without answer. */
export type Answer = (call: Call, session: number) => CallReply | Promise<CallReply> | undefined

/** The host's end of a cell that runs in this thread, over the transport and codec of a thread cell. */
export class TestCell {
  readonly #port: MessagePort
  readonly #loads = new Map<string, PromiseWithResolvers<void>>()
  readonly #sessions = new Map<number, Known>()
  readonly #served: Promise<void>
  readonly #answer: Answer
  #nextSession = 1
  /** Every message, in order. */
  readonly heard: FromCell[] = []

  constructor(answer: Answer = () => undefined, options: Partial<ServeOptions> = {}) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#answer = answer
    const reader = new FrameReader(maxFrameBytes)
    port1.on('message', (bytes: Uint8Array) => {
      reader.push(bytes)
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const credit = creditOf(frame)
        if (credit > 0) this.send({ type: 'credit', bytes: credit })
        this.#hear(decodeFromCell(frame))
      }
    })
    this.#served = serve(createPortTransport(port2), { linker: either, ...options })
  }

  send(message: ToCell): void {
    this.#port.postMessage(encode(message))
  }

  async load(artifact: TestArtifact, name = 'a'): Promise<void> {
    const loaded = Promise.withResolvers<void>()
    this.#loads.set(name, loaded)
    for (const message of loadMessages({ key: name, ...artifact })) this.send(message)
    await loaded.promise
  }

  start(overrides: Partial<SessionStart> = {}): Running {
    const id = this.#nextSession++
    const ended = Promise.withResolvers<Ended>()
    const output: string[] = []
    const answers: PromiseWithResolvers<GuestAnswer>[] = []
    this.#sessions.set(id, { ended, output, answers })
    this.send({ type: 'start', session: id, ...generous, ...overrides })
    const invoke = (call: string, input: string): Promise<GuestAnswer> => {
      const answer = Promise.withResolvers<GuestAnswer>()
      this.send({ type: 'invoke', session: id, id: answers.push(answer) - 1, call, input })
      return answer.promise
    }
    const say = (type: 'kill' | 'finish') => () => this.send({ type, session: id })
    return { id, ended: ended.promise, output, invoke, kill: say('kill'), finish: say('finish') }
  }

  /** Starts an open session. */
  open(overrides: Partial<SessionStart> = {}): Running {
    return this.start({ call: null, input: '', ...overrides })
  }

  run(overrides: Partial<SessionStart> = {}): Promise<Ended> {
    return this.start(overrides).ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send({ type: 'shutdown' })
    await this.#served
    this.#port.close()
  }

  #hear(message: FromCell): void {
    this.heard.push(message)
    if ('session' in message) return this.#hearOfSession(message)
    switch (message.type) {
      case 'loaded':
        this.#loads.get(message.artifact)?.resolve()
        break
      case 'load-failed':
        this.#loads.get(message.artifact)?.reject(new Error(message.message))
        break
      case 'ready':
        break
    }
  }

  #hearOfSession(message: Extract<FromCell, { session: number }>): void {
    switch (message.type) {
      case 'output':
        this.#sessions.get(message.session)?.output.push(new TextDecoder().decode(message.body))
        break
      case 'answered':
        this.#sessions.get(message.session)?.answers[message.id]?.resolve(message.answer)
        break
      case 'ended':
        this.#sessions.get(message.session)?.ended.resolve(message)
        break
      case 'call':
        void this.#reply(message)
        break
    }
  }

  async #reply({ session, id, call }: Extract<FromCell, { type: 'call' }>): Promise<void> {
    const reply = await this.#answer(call, session)
    if (reply !== undefined) this.send({ type: 'reply', session, id, reply })
  }
}

/** A reply that worked. */
export const replied = (value: Readonly<Record<string, unknown>>, body: Uint8Array = nothing): CallReply => ({ ok: true, value, body })

/** Kills a session and gives the milliseconds of CPU time of this process until its end was heard: other processes do not count. */
export const timeToKill = async (running: Running): Promise<number> => {
  const before = process.cpuUsage()
  running.kill()
  const { outcome } = await running.ended
  if (outcome.kind !== 'killed') throw new Error(`expected a killed session, got one that ${outcome.kind}`)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
