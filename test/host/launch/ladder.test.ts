import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createLauncher } from '#host/launch/launcher.ts'
import { chooseLevel, detectLevels, isolationLevels } from '#host/launch/ladder.ts'
import { shortfalls } from '#host/launch/posture.ts'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'

const bubblewrap = findTrustedTool('bwrap', process.env['PATH'] ?? '')
const listener = { message: (): void => {}, diagnostic: (): void => {} }

test('every level is proven by launching it', async () => {
  const proofs = await detectLevels()
  expect(proofs.map(({ level }) => level)).toEqual(isolationLevels)
  for (const proof of proofs.filter(({ ok }) => ok)) expect(proof.posture?.level).toBe(proof.level)
  expect(proofs.find(({ level }) => level === 'process')).toMatchObject({ ok: true, posture: { openDescriptors: 0 } })
})

test.skipIf(bubblewrap === undefined)('auto picks bwrap where it is proven, with no advice', async () => {
  expect(await chooseLevel('auto')).toEqual({ level: 'bwrap' })
})

test('a level below the strongest comes with a line of advice', async () => {
  expect((await chooseLevel('process')).advice).toContain('seat belt')
  expect((await chooseLevel('thread')).advice).toContain('only wall')
})

test.skipIf(bubblewrap === undefined)('the posture of a bwrap cell is measured from outside', async () => {
  const bwrap = (await detectLevels()).find(({ level }) => level === 'bwrap')
  expect(bwrap?.posture).toEqual({
    level: 'bwrap',
    noNewPrivileges: true,
    seccomp: true,
    namespaces: ['net', 'pid', 'mnt', 'user', 'ipc', 'uts', 'cgroup'],
    openDescriptors: 0,
  })
})

test('a posture below what its level promises is named piece by piece', () => {
  const weak = { level: 'bwrap', noNewPrivileges: false, seccomp: false, namespaces: ['net'], openDescriptors: 2 } as const
  const missing = shortfalls(weak, process.pid)
  expect(missing).toContain('2 descriptors too many')
  expect(missing).toContain('no_new_privs not set')
  expect(missing).toContain('no seccomp filter')
  expect(missing).toContain('namespaces shared with the host: pid, mnt, user, ipc, uts')
  expect(shortfalls({ ...weak, level: 'process', openDescriptors: 0 }, process.pid)).toEqual([])
})

test('a level that cannot be started is refused and nothing weaker is started', async () => {
  const path = process.env['PATH']
  const program = { ...(await import('#host/launch/program.ts')).cellProgram, childEntry: '/nonexistent/entry.js' }
  for (const level of ['process', 'bwrap'] as const) {
    await using launcher = createLauncher(level, { program })
    await expect(launcher.launch({ memoryBytes: 1, listener })).rejects.toMatchObject({
      code: bubblewrap === undefined && level === 'bwrap' ? 'isolation.unavailable' : 'cell.crashed',
    })
  }
  expect(process.env['PATH']).toBe(path)
})

test('a tool is found only where root alone can write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tools-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'planted-tool'), '#!/bin/sh\n', { mode: 0o755 })
  await chmod(folder, 0o777)
  expect(findTrustedTool('planted-tool', folder)).toBeUndefined()
  await mkdir(join(folder, 'links'), { mode: 0o755 })
  await symlink(join(folder, 'planted-tool'), join(folder, 'links', 'planted-tool'))
  expect(findTrustedTool('planted-tool', join(folder, 'links'))).toBeUndefined()
  expect(findTrustedTool('planted-tool', 'relative:.:')).toBeUndefined()
  expect(findTrustedTool('sh', folder)).toMatch(/^\//)
})
