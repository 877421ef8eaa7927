import { startVitest, type TestCase } from 'vitest/node'
import type { ProofRun, ProofOutcome } from './proof-runner.ts'

/**
 * Runs one proof after the other in a process that has loaded the test runner once: each in a run of its own, with its own module graph and its own worker
 * process, so that nothing of one host is seen by the next.
 */
const run = async ({ place, weakening, test, named, timeoutMs }: ProofRun): Promise<ProofOutcome> => {
  if (weakening === undefined) delete process.env['CORDON_WEAKEN']
  else process.env['CORDON_WEAKEN'] = weakening
  process.chdir(place)
  const vitest = await startVitest('test', [`test/${test}`], {
    root: place,
    config: `${place}/test/vitest.config.ts`,
    watch: false,
    testNamePattern: named,
    // A test that waits for what never comes now has failed too, and soon.
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    reporters: [{}],
  })
  try {
    const modules = vitest.state.getTestModules()
    const states = modules.flatMap((module) => Array.from(module.children.allTests(), (each: TestCase) => each.result().state))
    const count = (state: string): number => states.filter((each) => each === state).length
    const errors = modules.flatMap((module) => module.errors().map(({ message }) => message))
    return { found: states.length, failed: count('failed'), passed: count('passed'), errors }
  } finally {
    await vitest.close()
  }
}

process.on('message', (asked: ProofRun) => {
  run(asked).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => process.send?.({ found: 0, failed: 0, passed: 0, errors: [String(error)] } satisfies ProofOutcome),
  )
})
