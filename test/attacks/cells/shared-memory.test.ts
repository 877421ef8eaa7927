import { expect, test } from 'vitest'
import { fixtureProgram } from '../../fixtures/cells/program.ts'
import { launchScripted, MiB, scriptedLauncher } from '../../host/launch/contract.ts'

// What is checked and then used where it lies must not change in between: a thread is the one kind of cell that could share memory with its host.
test('a thread cell that sends memory it goes on sharing is ended', async () => {
  const launcher = scriptedLauncher('thread', fixtureProgram('scripted-child.ts', 'shared-frames-thread.ts'))
  await expect(launchScripted('thread', 128 * MiB, launcher)).rejects.toThrow('expected frames of bytes')
})
