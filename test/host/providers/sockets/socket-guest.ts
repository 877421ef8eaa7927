import type { LookupRule, RuleSet, SocketRule } from '#core/policy/rules.ts'
import { createSocketProviders, type SocketOptions } from '#host/providers/sockets/socket-providers.ts'
import { type Answer, GuestSession, policyOf } from '../guest-session.ts'

/** A breached cell: it makes whatever calls of sockets it likes, over the real providers and real decisions. */
export class SocketGuest {
  readonly session: GuestSession

  constructor(grants: Partial<RuleSet>, options: Omit<SocketOptions, 'policy'> & { readonly denies?: Partial<RuleSet> } = {}) {
    const { denies, ...rest } = options
    const policy = policyOf(grants, denies)
    this.session = new GuestSession(policy)
    for (const provider of createSocketProviders(this.session, { policy, ...rest })) this.session.use(provider)
  }

  /** Begins to connect and waits for it: the handle, or the code of the refusal. */
  async connect(address: string, port: number): Promise<{ readonly code: string; readonly detail?: string; readonly handle: number }> {
    const begun = await this.session.call('tcp.connect', { address, port, reservation: null })
    if (!begun.ok) return refused(begun)
    const connected = await this.session.call('tcp.connected', { handle: begun.handle })
    return connected.ok ? { code: 'ok', handle: begun.handle } : refused(connected)
  }

  /** Binds and listens: the handle and port, or the code of the refusal. */
  async listen(address: string, port: number): Promise<{ readonly code: string; readonly handle: number; readonly port: number }> {
    const bound = await this.session.call('tcp.bind', { address, port })
    if (!bound.ok) return { ...refused(bound), port }
    const reservation = Number(bound.value['reservation'])
    const listening = await this.session.call('tcp.listen', { address, port, reservation, backlog: 16 })
    if (!listening.ok) return { ...refused(listening), port }
    return { code: 'ok', handle: listening.handle, port: Number(bound.value['port']) }
  }

  /** The addresses of a name, or the code of the refusal. */
  async lookup(name: string): Promise<readonly string[] | string> {
    const answer = await this.session.call('dns.lookup', { name })
    return answer.ok ? (answer.value['addresses'] as string[]) : answer.code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]()
  }
}

const refused = ({ code, detail }: Extract<Answer, { ok: false }>): { code: string; detail?: string; handle: number } => ({
  code,
  ...(detail !== undefined && { detail }),
  handle: -1,
})

export const tcpRule = (host: SocketRule['host'], port: number, direction: SocketRule['direction'] = 'connect'): SocketRule => ({
  kind: 'tcp',
  origin: 'test',
  direction,
  host,
  port,
})

export const udpRule = (host: SocketRule['host'], port: number, direction: SocketRule['direction'] = 'connect'): SocketRule => ({
  ...tcpRule(host, port, direction),
  kind: 'udp',
})

export const nameOf = (name: string): SocketRule['host'] => ({ kind: 'name', name })
export const lookupOf = (name: string): LookupRule => ({ kind: 'lookup', origin: 'test', host: nameOf(name) })
