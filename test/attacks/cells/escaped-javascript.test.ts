import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { IsolationLevel } from '#host/launch/cell-port.ts'
import { librariesOf } from '#host/launch/libraries.ts'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { fixtureProgram } from '../../fixtures/cells/program.ts'
import { launchScripted, MiB, scriptedLauncher, sessionStart } from '../../host/launch/contract.ts'

/** Something on the host that accepts connections, and how many it took. */
const listener = async (where: number | string): Promise<{ server: Server; taken: () => number }> => {
  let taken = 0
  const server = createServer((socket) => {
    taken += 1
    socket.destroy()
  })
  server.listen(where)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { server, taken: () => taken }
}

interface Report {
  readonly tried: readonly string[]
  readonly reached: readonly string[]
  /** Connections that came to the host, whatever the cell says. */
  readonly connections: number
  readonly written: readonly string[]
  readonly victimLives: boolean
}

const reachOf = async (level: IsolationLevel): Promise<Report> => {
  const scratch = await mkdtemp(join(tmpdir(), 'cells-'))
  onTestFinished(() => rm(scratch, { recursive: true }))
  const unixPath = join(scratch, 'socket')
  const abstractName = `cordon-test-${process.pid}-${level}`
  const onPort = await listener(0)
  const listeners = [onPort, await listener(unixPath), await listener(`\0${abstractName}`)]
  const victim = spawn(process.execPath, ['-e', 'process.on("SIGUSR1", () => {}); console.log(); setTimeout(() => {}, 60_000)'])
  onTestFinished(() => void victim.kill('SIGKILL'))
  await once(victim.stdout, 'data')
  const victimEnds = once(victim, 'exit').then(() => false)
  const [addon = ''] = await librariesOf(process.execPath)
  const { cell, ear } = await launchScripted(level, 512 * MiB, scriptedLauncher(level, fixtureProgram('escaped-child.ts')))
  const tcpPort = (onPort.server.address() as AddressInfo).port
  const targets = { tcpPort, unixPath, abstractName, victimPid: victim.pid, hostPid: process.pid, hostname: hostname(), scratch, addon }
  cell.send({ type: 'start', session: 1, ...sessionStart('escape', targets) })
  const { outcome } = await ear.ended(1)
  const victimLives = await Promise.race([victimEnds, delay(500, true)])
  if (outcome.kind !== 'returned') throw new Error(`expected a report, got ${JSON.stringify(outcome)}`)
  const { tried, reached } = JSON.parse(outcome.result) as Report
  const connections = listeners.reduce((sum, { taken }) => sum + taken(), 0)
  return {
    tried,
    reached,
    connections,
    victimLives,
    written: (await readdir(scratch)).filter((name) => name !== 'socket'),
  }
}

// The kernel guards a process from the priority calls of one with fewer capabilities, and root's cells have none.
const hasMoreCapabilities = process.geteuid?.() === 0

test('hostile JavaScript in a process cell reaches signals and names, and nothing it could read, write or talk to', async () => {
  const { tried, reached, connections, written, victimLives } = await reachOf('process')
  expect(tried.length).toBeGreaterThan(30)
  expect(reached).toEqual([
    'see that the host lives',
    ...(hasMoreCapabilities ? [] : ['lower the priority of another process']),
    'learn the host name',
    'learn the network interfaces',
    'learn the user name',
    'learn where it is installed',
    "ask another of the user's processes for its inspector",
    "end another of the user's processes",
    'make code from text through vm',
  ])
  expect(connections).toBe(0)
  expect(written).toEqual([])
  expect(victimLives).toBe(false)
})

test.skipIf(findTrustedTool('bwrap', process.env['PATH'] ?? '') === undefined)(
  'hostile JavaScript in a bwrap cell reaches nothing of the host (needs bubblewrap on this machine)',
  async () => {
    const { reached, connections, written, victimLives } = await reachOf('bwrap')
    expect(reached).toEqual(['make code from text through vm'])
    expect(connections).toBe(0)
    expect(written).toEqual([])
    expect(victimLives).toBe(true)
  },
)
