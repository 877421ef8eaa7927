import { expect, test } from 'vitest'
import { fuzz, type FuzzReport } from './fuzz-run.ts'

const cases = 2500

const told = ({ found }: FuzzReport): string =>
  found.map(({ seed, nth, finding, hex }) => `seed ${seed}, case ${nth}: ${finding}\n${hex}`).join('\n\n')

// Always the same seeds, so that the suite means the same everywhere; `npm run fuzz` takes new ones for as long as it is told.
test.each([1, 2])('no changed component hangs, ends its process or takes more than its budget (seed %i)', async (seed) => {
  const report = await fuzz(seed, (done) => done >= cases)
  expect(told(report)).toBe('')
  // A fuzzer whose inputs are all refused at once proves nothing about what comes after.
  const { verdicts } = report
  expect(verdicts['ran'] ?? 0).toBeGreaterThan(cases / 30)
  expect(verdicts['trapped'] ?? 0).toBeGreaterThan(cases / 100)
  expect(verdicts['refused'] ?? 0).toBeGreaterThan(cases / 2)
})
