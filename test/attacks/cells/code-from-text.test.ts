import { expect, test } from 'vitest'
import { fixtureProgram } from '../../fixtures/cells/program.ts'
import { launchScripted, MiB, scriptedLauncher, sessionStart } from '../../host/launch/contract.ts'

test.each(['thread', 'process'] as const)('no code can be made from text inside a %s cell', async (level) => {
  const program = fixtureProgram('code-from-text-child.ts', 'code-from-text-thread.ts')
  const { cell, ear } = await launchScripted(level, 512 * MiB, scriptedLauncher(level, program))
  cell.send({ type: 'start', session: 1, ...sessionStart('try') })
  const { outcome } = await ear.ended(1)
  if (outcome.kind !== 'returned') throw new Error(`expected a report, got ${JSON.stringify(outcome)}`)
  const { tried, worked } = JSON.parse(outcome.result) as { tried: readonly string[]; worked: readonly string[] }
  expect(tried.length).toBeGreaterThan(15)
  expect(worked).toEqual([])
})
