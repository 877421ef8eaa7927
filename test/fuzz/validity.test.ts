import { expect, test } from 'vitest'
import { corpus } from './corpus.ts'
import { FuzzCell, fuzzLimits } from './fuzz-cell.ts'
import { caseOf } from './fuzz-run.ts'

const cases = 800

test('no changed component is accepted that the validator of jco refuses, and none is refused that it accepts but for limits of ours', async () => {
  const inputs = await corpus()
  const seed = Date.now() % 1_000_000
  const verdicts: Record<string, number> = {}
  using cell = new FuzzCell(fuzzLimits, 'validity-child.ts')
  // Where `latin1+utf16` is used, the tool panics.
  for (const component of inputs) expect((await cell.try({ component, seed: 0 })).verdict).toBeOneOf(['both accept', 'panicked'])
  for (let nth = 0; nth < cases; nth++) {
    const component = caseOf(inputs, seed, nth)
    const { verdict, finding } = await cell.try({ component, seed: nth })
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    expect(finding, `seed ${seed}, case ${nth}: ${Buffer.from(component).toString('hex')}`).toBeUndefined()
  }
  const onlyOurs = Object.keys(verdicts).filter((verdict) => verdict.startsWith('only we refuse'))
  expect(onlyOurs.filter((verdict) => !/at most|limit/.test(verdict))).toEqual([])
  expect(verdicts['both accept'] ?? 0).toBeGreaterThan(cases / 40)
  expect(verdicts['both refuse'] ?? 0).toBeGreaterThan(cases / 2)
})
