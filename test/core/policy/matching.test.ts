import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { defaultLimits } from '#core/budget/limits.ts'
import type { Capability } from '#core/capability/capability.ts'
import { decide } from '#core/policy/decide.ts'
import { parseAllow } from '#core/policy/parse-policy.ts'
import { isWithin, pathMatches } from '#core/policy/path.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'

const policyOf = (allow: unknown): EffectivePolicy => {
  const { grants, denies } = parseAllow(allow, 'policy.yaml', { folder: '/srv' })
  return { agent: 'a', requests: grants, grants, denies, limits: defaultLimits, digest: '' }
}
const allows = (policy: EffectivePolicy, capability: Capability): boolean => decide(policy, capability).effect === 'allow'

/** Few and alike, so that names often begin, end or continue like one another. */
const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', 'A'), minLength: 1, maxLength: 4 }).map((text) => `s${text}`)
const mode = fc.constantFrom('ro' as const, 'rw' as const)

test('property: a store is read by whom it was granted to, written where it was granted so, under its whole name alone', () => {
  const stores = fc.uniqueArray(fc.record({ store: name, mode }), { selector: ({ store }) => store, maxLength: 4 })
  fc.assert(
    fc.property(stores, stores, name, (granted, denied, asked) => {
      const policy = policyOf({
        keyvalue: granted,
        deny: { keyvalue: denied.map(({ store, mode }) => (mode === 'rw' ? { store } : { store, mode })) },
      })
      const own = granted.find((each) => each.store === asked)
      const against = denied.find((each) => each.store === asked)
      const reads = own !== undefined && against?.mode !== 'rw'
      const writes = own?.mode === 'rw' && against === undefined
      expect(allows(policy, { action: 'kv:read', store: asked, key: 'k' })).toBe(reads)
      expect(allows(policy, { action: 'kv:write', store: asked, key: 'k' })).toBe(writes)
    }),
  )
})

test('property: tools, variables and settings are those of exactly that name', () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 4 }), name, (granted, asked) => {
      const policy = policyOf({ tools: granted, config: Object.fromEntries(granted.map((each) => [each, 'v'])) })
      expect(allows(policy, { action: 'tool:call', name: asked })).toBe(granted.includes(asked))
      expect(allows(policy, { action: 'config:read', name: asked })).toBe(granted.includes(asked))
    }),
  )
})

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', 'B')
const path = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join('/')}`)

test('property: a guest path belongs to the longest mount that it lies in, by whole segments, and to that mount’s mode', () => {
  const mounts = fc.uniqueArray(fc.record({ guest: path, mode }), { selector: ({ guest }) => guest, minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(mounts, path, (granted, asked) => {
      const policy = policyOf({ mounts: granted.map((each) => ({ ...each, host: '/srv/x' })) })
      const lies = granted.filter(({ guest }) => guest === '/' || `${asked}/`.startsWith(`${guest}/`))
      const [own] = lies.toSorted((one, other) => other.guest.length - one.guest.length)
      for (const { guest } of granted) {
        expect(isWithin(guest, asked)).toBe(lies.some((each) => each.guest === guest))
        // Through any other mount than its own it is nobody's.
        expect(allows(policy, { action: 'fs:read', mount: guest, path: asked })).toBe(own?.guest === guest)
        expect(allows(policy, { action: 'fs:write', mount: guest, path: asked })).toBe(own?.guest === guest && own.mode === 'rw')
      }
    }),
  )
})

test('property: a URL path is named by itself, or by what stands before a `*`', () => {
  fc.assert(
    fc.property(path, path, (pattern, asked) => {
      expect(pathMatches(pattern, asked)).toBe(pattern === asked)
      expect(pathMatches(`${pattern}*`, asked)).toBe(asked.startsWith(pattern))
    }),
  )
})
