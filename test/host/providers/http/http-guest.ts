import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import type { NetRule, SecretRule } from '#core/policy/rules.ts'
import { createHttpProvider, type HttpOptions } from '#host/providers/http/http-provider.ts'
import { createSecretVault } from '#host/providers/secrets/secret-vault.ts'
import { createSecretsProvider } from '#host/providers/secrets/secrets-provider.ts'
import type { CallArgs } from '#wire/calls.ts'
import { type Answer, GuestSession, netRule, policyOf } from '../guest-session.ts'

export const loopback: NetRule['host'] = { kind: 'cidr', bytes: [127, 0, 0, 1], prefix: 32, text: '127.0.0.1' }

export interface LocalServer {
  readonly port: number
  [Symbol.asyncDispose](): Promise<void>
}

const listening = async (server: Server | TcpServer): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A real HTTP server on 127.0.0.1. */
export const httpServer = async (listener: RequestListener): Promise<LocalServer> => {
  const server = createServer(listener)
  const port = await listening(server)
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A server that speaks whatever bytes a test wants. */
export const rawServer = async (onSocket: (socket: Socket) => void): Promise<LocalServer & { readonly connections: () => number }> => {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createTcpServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  const port = await listening(server)
  return {
    port,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const bodyOf = async (message: IncomingMessage): Promise<string> => {
  let text = ''
  message.setEncoding('utf8')
  for await (const chunk of message) text += String(chunk)
  return text
}

export interface Reply {
  readonly code: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type RequestParts = Partial<CallArgs<'http.start'>> & { readonly body?: readonly (string | Uint8Array)[] }

/** A guest that makes requests, and the calls it makes for them. */
export class HttpGuest {
  readonly session: GuestSession
  readonly authority: string

  constructor(session: GuestSession, authority: string) {
    this.session = session
    this.authority = authority
  }

  start(parts: RequestParts = {}): Promise<Answer> {
    const { body, ...rest } = parts
    return this.session.call('http.start', {
      method: 'GET',
      scheme: 'http',
      authority: this.authority,
      pathWithQuery: '/',
      headers: [],
      hasBody: body !== undefined,
      connectTimeoutMs: null,
      firstByteTimeoutMs: null,
      betweenBytesTimeoutMs: null,
      ...rest,
    })
  }

  /** A whole exchange: what the guest got, or the code of the refusal. */
  async request(parts: RequestParts = {}): Promise<Reply> {
    const started = await this.start(parts)
    if (!started.ok) return { code: started.code }
    const { handle } = started
    try {
      const failed = await this.#send(handle, parts.body)
      if (failed !== undefined) return { code: failed }
      return await this.receive(handle)
    } finally {
      await this.session.call('http.close', { handle })
    }
  }

  async receive(handle: number): Promise<Reply> {
    const response = await this.session.call('http.response', { handle })
    if (!response.ok) return { code: response.code }
    const headers = Object.fromEntries(response.value['headers'] as [string, string][])
    const status = Number(response.value['status'])
    let body = ''
    for (;;) {
      const chunk = await this.session.call('http.read', { handle, length: 65_536 })
      if (!chunk.ok) return { code: chunk.code, status, headers, body }
      body += Buffer.from(chunk.body).toString('latin1')
      if (chunk.value['end'] === true) return { code: 'ok', status, headers, body }
    }
  }

  async placeholder(name = 'key'): Promise<string> {
    const used = await this.session.call('secret.use', { name })
    return used.ok ? String(used.value['placeholder']) : used.code
  }

  async #send(handle: number, body: RequestParts['body']): Promise<string | undefined> {
    if (body === undefined) return undefined
    for (const piece of body) {
      const written = await this.session.call('http.write', { handle }, piece)
      if (!written.ok) return written.code
    }
    const finished = await this.session.call('http.finish', { handle, trailers: [] })
    return finished.ok ? undefined : finished.code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]()
  }
}

export const secretRule = (name: string, more: Partial<SecretRule> = {}): SecretRule => ({
  kind: 'secret',
  origin: 'test',
  name,
  source: `env://${name}`,
  inject: { header: 'Authorization', format: 'Bearer {secret}' },
  ...more,
})

export interface HttpGuestOptions extends Partial<Omit<HttpOptions, 'secrets'>> {
  readonly rules: readonly NetRule[]
  readonly authority?: string
  readonly secrets?: readonly SecretRule[]
  readonly values?: Readonly<Record<string, string>>
}

/** A guest with these rules; secret values by their source. */
export const httpGuest = ({ rules, authority = '', secrets = [], values = {}, ...options }: HttpGuestOptions): HttpGuest => {
  const session = new GuestSession(policyOf({ net: rules, secrets }))
  const vault = createSecretVault(session, secrets, async (source) => {
    const value = values[source]
    if (value === undefined) throw new Error(`no ${source}`)
    return value
  })
  session.use(createHttpProvider(session, { secrets: vault, ...options }))
  session.use(createSecretsProvider(session, vault))
  return new HttpGuest(session, authority)
}

/** A guest that may reach one local port over plain HTTP. */
export const localGuest = (port: number, more: Partial<NetRule> = {}, options: Partial<HttpGuestOptions> = {}): HttpGuest =>
  httpGuest({ rules: [netRule(loopback, port, more)], authority: `127.0.0.1:${port}`, ...options })
