import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readCpuUs, readDescriptors, startTicks } from '#host/launch/proc.ts'
import { commandsBelow, inheritedDescriptor, startHost, type Descendant, type StartedHost } from '../../fixtures/hosts/start-host.ts'

let root = ''
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-run-build-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** What runs the top level of the source: QuickJS within the build's own process, StarlingMonkey in one below it. */
const runsTheSource = {
  quickjs: ({ pid, command }: Descendant) => command[0] === process.execPath && (readCpuUs(pid) ?? 0) > 2_000_000,
  starlingmonkey: ({ pid, command }: Descendant) =>
    !/(?:^|\/)(?:node|sh|setpriv)$/.test(command[0] ?? '') && !command.includes(process.execPath) && (readCpuUs(pid) ?? 0) > 2_000_000,
} as const

const hostInTheMiddle = async (
  engine: keyof typeof runsTheSource,
): Promise<{ host: StartedHost; below: readonly Descendant[]; runner: Descendant }> => {
  const folder = mkdtempSync(join(root, `${engine}-`))
  writeFileSync(join(folder, 'agent.js'), 'for (;;) {}\nexport const run = () => 1')
  const host = startHost('building-host.ts', folder, engine)
  const runner = await vi.waitUntil(() => commandsBelow(host.pid).find(runsTheSource[engine]), { timeout: 120_000, interval: 50 })
  return { host, below: commandsBelow(host.pid).filter(({ command }) => !command.some((word) => word.includes('esbuild'))), runner }
}

describe.each(['quickjs', 'starlingmonkey'] as const)('a build with %s of a source that spins', (engine) => {
  test('holds nothing its host inherited, and dies with a host that is killed', async () => {
    const { host, below, runner } = await hostInTheMiddle(engine)
    using _ = host
    const started = new Map(below.map(({ pid }) => [pid, startTicks(pid)]))
    const alive = (): readonly string[] =>
      below
        .filter(({ pid }) => startTicks(pid) !== undefined && startTicks(pid) === started.get(pid))
        .map(({ command }) => command.join(' '))
    try {
      expect(readDescriptors(host.pid)?.get(inheritedDescriptor)).toBe(host.secret)
      expect(readDescriptors(runner.pid)?.size).toBeGreaterThan(2)
      for (const { pid } of below) expect([...(readDescriptors(pid)?.values() ?? [])]).not.toContain(host.secret)
      expect(alive().length).toBeGreaterThan(1)
      host.kill()
      await expect.poll(alive, { timeout: 5000 }).toEqual([])
    } finally {
      for (const { pid } of below) if (startTicks(pid) === started.get(pid)) process.kill(pid, 'SIGKILL')
    }
  })
})
