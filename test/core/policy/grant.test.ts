import { expect, test } from 'vitest'
import type { Decision } from '#core/policy/decision.ts'
import { mintGrant, type Minting } from '#core/policy/grant.ts'
import type { Capability } from '#core/capability/capability.ts'

const capability = { action: 'tool:call', name: 'search' } as const
const allow: Decision = { effect: 'allow', capability, rule: { kind: 'tool', origin: 'test', name: 'search' } }

const minting = (more: Partial<Minting<Capability>> = {}): Minting<Capability> => ({
  decision: allow,
  receipt: { seq: 7, hash: '', callId: 's.1' },
  policyDigest: '',
  notAfterMs: 1000,
  now: () => 0,
  alsoAllows: () => false,
  ...more,
})

test('a grant gives its target once', () => {
  const granted = mintGrant(minting())
  expect(granted.callId).toBe('s.1')
  expect(granted.consume()).toBe(capability)
  expect(() => granted.consume()).toThrow('this grant was used before')
})

test('a grant is over when its time is, though it was minted before', () => {
  let now = 0
  const early = mintGrant(minting({ now: () => now }))
  now = 1000
  expect(early.consume()).toBe(capability)
  const late = mintGrant(minting({ now: () => now }))
  now = 1001
  expect(() => late.consume()).toThrow('this grant is over')
})

test('a denial makes no grant', () => {
  const denied: Decision = { effect: 'deny', capability, reason: 'denied', hint: undefined, origin: undefined }
  expect(() => mintGrant(minting({ decision: denied }))).toThrow('expected an allow, got a denial')
})
