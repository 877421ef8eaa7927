import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Policy } from '#core/policy/grants.ts'
import { storeNamespace } from '#host/session/store-namespace.ts'

const digest = `sha256:${'1'.repeat(64)}`
/** A policy that speaks about these; what it says of them does not matter here. */
const naming = (...agents: readonly string[]): Policy => ({ agents: new Map(agents.map((agent) => [agent, {}])) }) as never

test('a bundle that takes the name or the digest of another for its own name gets none of its stores', () => {
  const policies = [naming(digest, 'ledger')]
  const kept = storeNamespace({ name: 'ledger', digest }, policies)
  const impostors = ['ledger', digest, `digest ${digest}`, `name ${digest}`, kept]
  for (const name of impostors) expect(storeNamespace({ name, digest: `sha256:${'2'.repeat(64)}` }, policies), name).not.toBe(kept)
})

test('property: no name that a bundle may have is the namespace of a digest, nor that of another name', () => {
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom('digest ', 'name ', digest),
    fc.string().map((text) => `digest ${text}`),
  )
  fc.assert(
    fc.property(name, name, (one, other) => {
      const policies = [naming(digest)]
      const ofName = (text: string): string => storeNamespace({ name: text, digest: '' }, policies)
      expect(ofName(one)).not.toBe(storeNamespace({ name: other, digest }, policies))
      expect(ofName(one) === ofName(other)).toBe(one === other)
    }),
  )
})
