import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { OutputReader } from './output-reader.ts'
import { Mismatch, shown } from './verdict.ts'

/** A connection to a program that serves, made by the harness. */
export interface Connection extends Disposable {
  send(payload: string): void
  /** Up to `length` bytes as text. Throws {@link Mismatch} when `signal` comes first. */
  receive(length: number, signal: AbortSignal): Promise<string>
}

interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host:port` or `[v6]:port`, as programs print where they listen. Throws {@link Mismatch}. */
export const endpointIn = (line: string): Endpoint => {
  const [, v6, host = v6, port = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):([0-9]{1,5})$/.exec(line.trim()) ?? []
  if (host === undefined) throw new Mismatch(`expected \`host:port\` on stdout, got ${shown(line)}`)
  return { host, port: Number(port) }
}

const overTcp = (socket: Socket): Connection => {
  const reader = new OutputReader(socket)
  return {
    send: (payload) => socket.write(payload),
    receive: async (length, signal) => (await reader.take(length, signal)).toString(),
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** Datagrams, in the order in which they come. */
const overUdp = (socket: DatagramSocket): Connection => {
  const arrived: Buffer[] = []
  socket.on('message', (message) => arrived.push(message))
  return {
    send: (payload) => socket.send(payload),
    receive: async (_, signal) => {
      if (arrived.length === 0) await once(socket, 'message', { signal }).catch(() => undefined)
      const message = arrived.shift()
      if (message === undefined) throw new Mismatch('expected a datagram in time')
      return message.toString()
    },
    [Symbol.dispose]: () => socket.close(),
  }
}

/** Connects to a program. Throws {@link Mismatch}. */
export const connectTo = async ({ host, port }: Endpoint, protocol: 'tcp' | 'udp' | 'http'): Promise<Connection> => {
  try {
    if (protocol === 'udp') {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.connect(port, host)
      await once(socket, 'connect')
      return overUdp(socket)
    }
    const socket = connect(port, host)
    await once(socket, 'connect')
    return overTcp(socket)
  } catch (cause) {
    throw new Mismatch(`expected to connect to ${host}:${port} by ${protocol}: ${cause instanceof Error ? cause.message : 'failed'}`)
  }
}
