import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startTicks } from '#host/launch/proc.ts'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { descendantsOf } from '../../fixtures/descendants.ts'
import { sessionStart } from './contract.ts'

const searchPath = process.env['PATH'] ?? ''
const levels = [
  { level: 'process', needs: 'setpriv' },
  { level: 'bwrap', needs: 'bwrap' },
].filter(({ needs }) => findTrustedTool(needs, searchPath) !== undefined)

const script = fileURLToPath(new URL('../../fixtures/cells/dying-host.ts', import.meta.url))

test.each(levels)('a $level cell in a hot loop dies with a host that is killed', async ({ level }) => {
  const host = spawn(process.execPath, ['--conditions=source', script, level, JSON.stringify(sessionStart('spins for ever'))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void host.kill('SIGKILL'))
  await once(host.stdout, 'data')
  const cells = descendantsOf(host.pid ?? 0)
  expect(cells.length).toBeGreaterThan(0)
  host.kill('SIGKILL')
  await expect.poll(() => cells.filter((pid) => startTicks(pid) !== undefined), { timeout: 3000 }).toEqual([])
})
