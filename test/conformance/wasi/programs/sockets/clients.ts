// engine: quickjs (the other one does not know the class of a network by its name)
import { getEnvironment } from 'wasi:cli/environment@0.2.12'
import type { Pollable } from 'wasi:io/poll@0.2.12'
import { instanceNetwork } from 'wasi:sockets/instance-network@0.2.12'
import { resolveAddresses } from 'wasi:sockets/ip-name-lookup@0.2.12'
import type { IpSocketAddress } from 'wasi:sockets/network@0.2.12'
import { createTcpSocket } from 'wasi:sockets/tcp-create-socket@0.2.12'
import { createUdpSocket } from 'wasi:sockets/udp-create-socket@0.2.12'
import { bytes, errOf, holds, inTurn, same, text } from '../check.ts'

const loopback = (port: number): IpSocketAddress => ({ tag: 'ipv4', val: { port, address: [127, 0, 0, 1] } })

const serverPort = (): number => {
  const address = getEnvironment().find(([name]) => name === 'HTTP_SERVER_MAIN')?.[1] ?? ''
  return Number(address.split(':')[1])
}

/** A `u64` is a number on this engine. */
const size = 4096 as unknown as bigint

/** Takes the second half of an operation once it is done; gives its result or its error. */
const finished = <T>(pollable: Pollable, finish: () => T): { readonly got?: T; readonly err?: unknown } => {
  for (;;) {
    let got: T | undefined
    const err = errOf(() => {
      got = finish()
    })
    if (err === 'ok') return got === undefined ? {} : { got }
    if (err !== 'would-block') return { err }
    pollable.block()
  }
}

const connects = (): void => {
  const socket = createTcpSocket('ipv4')
  same(socket.addressFamily(), 'ipv4', 'family')
  const pollable = socket.subscribe()
  socket.startConnect(instanceNetwork(), loopback(serverPort()))
  const { got, err } = finished(pollable, () => socket.finishConnect())
  if (got === undefined) throw new Error(`expected a connection, got ${JSON.stringify(err)}`)
  const [input, output] = got
  same(socket.remoteAddress(), loopback(serverPort()), 'the other end')
  output.blockingWriteAndFlush(bytes('GET /ok HTTP/1.0\r\nhost: localhost\r\n\r\n'))
  const parts: string[] = []
  while (errOf(() => parts.push(text(input.blockingRead(size)))) === 'ok') continue
  holds(parts.join('').startsWith('HTTP/1.1 200 '), 'a response')
  holds(parts.join('').endsWith('\r\n\r\nfine'), 'its body')
}

const refused = (): void => {
  const denied = (port: number, address: [number, number, number, number]): unknown => {
    const socket = createTcpSocket('ipv4')
    const early = errOf(() => socket.startConnect(instanceNetwork(), { tag: 'ipv4', val: { port, address } }))
    return early === 'ok' ? finished(socket.subscribe(), () => socket.finishConnect()).err : early
  }
  same(denied(1, [127, 0, 0, 1]), 'access-denied', 'another port')
  same(denied(serverPort(), [127, 0, 0, 2]), 'access-denied', 'another address')
  const names = errOf(() => {
    const stream = resolveAddresses(instanceNetwork(), 'example.com')
    const { err } = finished(stream.subscribe(), () => stream.resolveNextAddress())
    if (err !== undefined) throw Object.assign(new Error('refused'), { payload: err })
  })
  same(names, 'access-denied', 'a name')
}

const datagrams = (): void => {
  const socket = createUdpSocket('ipv4')
  socket.startBind(instanceNetwork(), loopback(0))
  const { err } = finished(socket.subscribe(), () => socket.finishBind())
  same(err, undefined, 'bound')
  const local = socket.localAddress()
  holds(local.tag === 'ipv4' && local.val.port > 0, 'a port')
  const elsewhere = createUdpSocket('ipv4')
  const early = errOf(() => elsewhere.startBind(instanceNetwork(), { tag: 'ipv4', val: { port: 53, address: [127, 0, 0, 1] } }))
  same(early === 'ok' ? finished(elsewhere.subscribe(), () => elsewhere.finishBind()).err : early, 'access-denied', 'a port of its choice')
}

export const run = (): string => inTurn({ connects, refused, datagrams })
