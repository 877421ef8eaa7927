import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { findTrustedTool } from '#host/launch/trusted-tool.ts'
import { scriptedProgram } from '../../fixtures/cells/program.ts'
import { launchScripted, MiB, scriptedLauncher, sessionStart } from '../../host/launch/contract.ts'

const source = fileURLToPath(new URL('../../fixtures/cells/escaped-native.c', import.meta.url))
const tools = findTrustedTool('bwrap', process.env['PATH'] ?? '') !== undefined && spawnSync('gcc', ['--version']).status === 0

describe.skipIf(!tools)('native code in a bwrap cell (needs bubblewrap and gcc on this machine)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'native-'))
  const engine = join(folder, 'escaped')
  if (tools) execFileSync('gcc', ['-O1', '-Wall', '-o', engine, source])
  afterAll(() => rmSync(folder, { recursive: true }))
  const program = { ...scriptedProgram, engine }

  test('reaches nothing through any system call it tries', async () => {
    const { cell, ear } = await launchScripted('bwrap', 64 * MiB, scriptedLauncher('bwrap', program))
    cell.send({ type: 'start', session: 1, ...sessionStart(`host-${process.pid}`) })
    const { outcome } = await ear.ended(1)
    expect(outcome).toMatchObject({ kind: 'returned' })
    const [tried, reached] = outcome.kind === 'returned' ? outcome.result.split(':') : []
    expect(Number(tried)).toBeGreaterThan(65)
    expect(reached).toBe('')
  })

  test.skipIf(process.arch !== 'x64').each(['x32', 'i386'])('is killed when it calls by the %s numbers', async (numbers) => {
    const { cell } = await launchScripted('bwrap', 64 * MiB, scriptedLauncher('bwrap', program))
    cell.send({ type: 'start', session: 1, ...sessionStart(numbers) })
    expect(await cell.ended).toMatchObject({ kind: 'crashed' })
  })

  test('in a process cell the same code reaches the host: that level is no boundary against it', async () => {
    const { cell, ear } = await launchScripted('process', 64 * MiB, scriptedLauncher('process', program))
    cell.send({ type: 'start', session: 1, ...sessionStart(`host-${process.pid}`) })
    const { outcome } = await ear.ended(1)
    const reached = outcome.kind === 'returned' ? outcome.result : ''
    for (const open of ['/etc/passwd', 'signal the host', 'internet socket', 'fork']) expect(reached).toContain(open)
  })
})
