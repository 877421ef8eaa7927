import { expect, test } from 'vitest'
import { corpus } from './corpus.ts'
import { FuzzCell, fuzzLimits } from './fuzz-cell.ts'
import { caseOf, targets } from './fuzz-run.ts'

const cases = 800
const seed = 1

/**
 * What only we refuse: more than our limits allow, what is past WASI 0.2, and a last section that is cut off, of which the tool reads what is there
 * (Binary.md, "Component Definitions": a section is as long as it says).
 */
const knownRefusals = /at most|limit|features, got|bytes of section/

test('no changed component is accepted that the validator of jco refuses, and none is refused that it accepts but for limits of ours', async () => {
  const inputs = await corpus()
  const verdicts: Record<string, number> = {}
  using cell = new FuzzCell(fuzzLimits, 'validity-child.ts')
  // Where `latin1+utf16` is used, the tool panics.
  for (const component of inputs) expect((await cell.try({ component, seed: 0 })).verdict).toBeOneOf(['both accept', 'panicked'])
  for (let nth = 0; nth < cases; nth++) {
    const component = caseOf(targets.component, { inputs, seed, nth })
    const { verdict, finding } = await cell.try({ component, seed: nth })
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    expect(finding, `seed ${seed}, case ${nth}: ${Buffer.from(component).toString('hex')}`).toBeUndefined()
  }
  const onlyOurs = Object.keys(verdicts).filter((verdict) => verdict.startsWith('only we refuse'))
  expect(onlyOurs.filter((verdict) => !knownRefusals.test(verdict))).toEqual([])
  expect(verdicts['both accept'] ?? 0).toBeGreaterThan(cases / 40)
  expect(verdicts['both refuse'] ?? 0).toBeGreaterThan(cases / 2)
})
