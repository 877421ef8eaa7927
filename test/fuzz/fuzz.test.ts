import { expect, test } from 'vitest'
import { fuzz, targets, told } from './fuzz-run.ts'

// Always the same seeds, so that the suite means the same everywhere; `npm run fuzz` takes new ones for as long as it is told. A fuzzer
// whose inputs are all refused at once proves nothing about what comes after: hence the shares.

test.each([1, 2])('no changed component hangs, ends its process or takes more than its budget (seed %i)', async (seed) => {
  const cases = 2500
  const report = await fuzz(targets.component, { seed, isEnough: (done) => done >= cases })
  expect(told(report)).toBe('')
  const { verdicts } = report
  expect(verdicts['ran'] ?? 0).toBeGreaterThan(cases / 30)
  expect(verdicts['trapped'] ?? 0).toBeGreaterThan(cases / 100)
  expect(verdicts['refused'] ?? 0).toBeGreaterThan(cases / 2)
})

test('no changed core module is invalid once it is metered, hangs, or takes more than its budget', async () => {
  const cases = 2500
  const report = await fuzz(targets.core, { seed: 1, isEnough: (done) => done >= cases })
  expect(told(report)).toBe('')
  const { verdicts } = report
  expect(verdicts['ran'] ?? 0).toBeGreaterThan(cases / 30)
  expect(verdicts['trapped'] ?? 0).toBeGreaterThan(cases / 100)
  expect(verdicts['refused'] ?? 0).toBeGreaterThan(cases / 10)
})

test('whatever a breached cell says, the host answers it or ends it, and every session hears of the end', async () => {
  const cases = 400
  const report = await fuzz(targets.wire, { seed: 1, isEnough: (done) => done >= cases })
  expect(told(report)).toBe('')
  const { verdicts } = report
  expect(verdicts['violation'] ?? 0).toBeGreaterThan(cases / 3)
  expect(verdicts['heard'] ?? 0).toBeGreaterThan(cases / 8)
})
