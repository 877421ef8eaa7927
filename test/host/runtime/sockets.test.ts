import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRuntime, readAuditLog, type Agent, type Runtime } from '#index.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'
import { rawServer } from '../providers/http/http-guest.ts'
import { errorCodes, namedClient, tcpClient, tcpServer, udpClient } from './sockets-wat.ts'

const home = testHome()
let runtime: Runtime
beforeAll(async () => {
  const audit = home.nextAudit()
  runtime = await createRuntime({ cacheDir: testCache, keysDir: home.keysDir, audit, pool: { isolation: 'thread', max: 1 } })
})
afterAll(async () => {
  await runtime[Symbol.asyncDispose]()
  home[Symbol.dispose]()
})

const agentOf = async (wat: string): Promise<Agent> => runtime.loadComponent(await parse(wat), { name: 'sockets' })

/** The error code that a driver gave up with. */
const codeOf = async (run: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await run.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  const digits = /([0-9]{2})/.exec(error instanceof Error ? error.message : '')?.[1]
  return digits === undefined ? String(error) : errorCodes[Number(digits)]
}

const answering = (socket: Socket): void => {
  socket.on('data', (data) => socket.end(data.toString().replace('ping', 'pong')))
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('a component that uses sockets', () => {
  test('connects where it was granted, and the record says where and how much', async () => {
    await using server = await rawServer(answering)
    const agent = await agentOf(tcpClient(server.port))
    const { result, usage, audit, session } = await agent.run(null, { allow: { tcp: [{ connect: `127.0.0.1:${server.port}` }] } })
    expect(result).toBe('pong')
    expect(usage).toMatchObject({ egressBytes: 6, ingressBytes: 6 })
    const records = await Array.fromAsync(readAuditLog(audit.dir))
    const own = records.filter((record) => 'session' in record && record.session === session.id)
    expect(own.map(({ type }) => type)).toEqual(['session-started', 'decision', 'outcome', 'session-ended'])
    expect(own[1]).toMatchObject({ action: 'tcp:connect', effect: 'allow', resource: { address: '127.0.0.1', port: server.port } })
    expect(own[2]).toMatchObject({ egressBytes: 6, ingressBytes: 6, summary: { sentBytes: 6, receivedBytes: 6 } })
  })

  test('is told access-denied where nothing was granted, and says so to the operator', async () => {
    await using server = await rawServer(answering)
    const agent = await agentOf(tcpClient(server.port))
    expect(await codeOf(agent.run(null))).toBe('access-denied')
    expect(await codeOf(agent.run(null, { allow: { tcp: [{ connect: '127.0.0.1:1' }] } }))).toBe('access-denied')
    expect(server.connections()).toBe(0)
    const failure: unknown = await agent.run(null).catch((error: unknown) => error)
    expect(failure).toMatchObject({ report: { denials: [{ action: 'tcp:connect', reason: 'not-granted' }] } })
  })

  test('listens where it was granted, and serves whoever comes', async () => {
    const port = await freePort()
    const agent = await agentOf(tcpServer(port))
    const allow = { tcp: [{ listen: `127.0.0.1:${port}` }] }
    const running = agent.run(null, { allow })
    const dial = async (): Promise<Socket> => {
      for (;;) {
        const socket = connect(port, '127.0.0.1')
        const [connected] = await Promise.race([
          once(socket, 'connect').then(() => [true]),
          once(socket, 'close').then(() => [false]),
        ]).catch(() => [false])
        if (connected === true) return socket
        await sleep(10)
      }
    }
    const client = await dial()
    client.write('"hello"')
    const [echoed] = (await once(client, 'data')) as [Buffer]
    expect(echoed.toString()).toBe('"hello"')
    expect((await running).result).toBe('hello')
    expect(await codeOf(agent.run(null))).toBe('access-denied')
    expect(await codeOf(agent.run(null, { allow: { tcp: [{ connect: `127.0.0.1:${port}` }] } }))).toBe('access-denied')
  })

  test('exchanges datagrams with whom it was granted', async () => {
    const peer = createSocket('udp4').bind(0, '127.0.0.1')
    await once(peer, 'listening')
    peer.on('message', (message, from) => peer.send(message.toString().replace('ping', 'pong'), from.port, from.address))
    const { port } = peer.address()
    const agent = await agentOf(udpClient(port))
    expect((await agent.run(null, { allow: { udp: [{ connect: `127.0.0.1:${port}` }] } })).result).toBe('pong')
    expect(await codeOf(agent.run(null))).toBe('access-denied')
    expect(await codeOf(agent.run(null, { allow: { udp: [{ connect: '127.0.0.1:1' }] } }))).toBe('access-denied')
    peer.close()
  })

  test('looks a granted name up and connects to what it gave', async () => {
    await using server = await rawServer(answering)
    const agent = await agentOf(namedClient(server.port))
    const tcp = [{ connect: `localhost:${server.port}` }]
    expect((await agent.run(null, { allow: { tcp, lookup: [{ name: 'localhost' }] } })).result).toBe('pong')
    // Three grants: none of them stands for another.
    expect(await codeOf(agent.run(null, { allow: { tcp } }))).toBe('access-denied')
    expect(await codeOf(agent.run(null, { allow: { lookup: [{ name: 'localhost' }] } }))).toBe('access-denied')
  })
})

describe('the end of a session', () => {
  /** A cell may have to start first, on a machine that does other things too. */
  const patient = { timeout: 10_000 }
  const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /^(?:TCP|UDP)/.test(name)).length

  test('closes the connection of a guest that is killed in the middle of a read', async () => {
    let closed = 0
    await using server = await rawServer((socket) => socket.resume().on('close', () => (closed += 1)))
    const agent = await agentOf(tcpClient(server.port))
    const before = sockets()
    const session = agent.start(null, { allow: { tcp: [{ connect: `127.0.0.1:${server.port}` }] } })
    await expect.poll(() => server.connections(), patient).toBe(1)
    expect(sockets()).toBe(before + 2)
    session.kill()
    await expect(session.result).rejects.toMatchObject({ code: 'session.killed' })
    await expect.poll(() => closed, patient).toBe(1)
    await expect.poll(() => sockets(), patient).toBe(before)
  })

  test('closes the listener of a guest that is killed while it waits for somebody', async () => {
    const port = await freePort()
    const agent = await agentOf(tcpServer(port))
    const before = sockets()
    const session = agent.start(null, { allow: { tcp: [{ listen: `127.0.0.1:${port}` }] } })
    await expect.poll(() => sockets(), patient).toBe(before + 1)
    session.kill()
    await expect(session.result).rejects.toMatchObject({ code: 'session.killed' })
    await expect.poll(() => sockets(), patient).toBe(before)
    await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
