import { expect, test } from 'vitest'
import { defaultLimits } from '#core/budget/limits.ts'
import { credible, settledBy } from '#host/session/outcome.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

test('a result nests no deeper than whoever walks it can follow', () => {
  const settled = settledBy({ kind: 'returned', result: nested(256) }, defaultLimits)
  expect(JSON.stringify(settled)).toContain(nested(256))
  expect(settledBy({ kind: 'returned', result: nested(257) }, defaultLimits)).toMatchObject({ error: { code: 'agent.error' } })
  expect(settledBy({ kind: 'returned', result: nested(500_000) }, defaultLimits)).toMatchObject({ error: { code: 'agent.error' } })
})

test('a result has no key that would set a prototype where it is copied', () => {
  expect(settledBy({ kind: 'returned', result: '{"a":{"__proto__":{"admin":true}}}' }, defaultLimits)).toMatchObject({
    error: { code: 'agent.error' },
  })
})

test('an error of an agent that nests without end is told as its text', () => {
  expect(settledBy({ kind: 'error', error: nested(500_000) }, defaultLimits)).toMatchObject({ error: { code: 'agent.error' } })
})

test('a cell cannot say that a session used more than it may', () => {
  const told = { fuel: Number.MAX_SAFE_INTEGER, cpuUs: 5, memoryPeakBytes: Number.MAX_SAFE_INTEGER }
  expect(credible(told, defaultLimits)).toEqual({ fuel: defaultLimits.fuel, cpuUs: 5, memoryPeakBytes: defaultLimits.memoryBytes })
  const true_ = { fuel: 1, cpuUs: 2, memoryPeakBytes: 3 }
  expect(credible(true_, defaultLimits)).toEqual(true_)
})
