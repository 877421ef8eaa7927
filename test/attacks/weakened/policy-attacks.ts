import type { Attack } from './attack.ts'

const decide = 'src/core/policy/decide.ts'
const match = 'src/core/policy/match.ts'
const decideTest = 'core/policy/decide.test.ts'

/** D: policy and grants. */
export const policyAttacks: readonly Attack[] = [
  {
    id: 'D1',
    tries: 'a target that merely begins like a granted one',
    proofs: [
      {
        test: decideTest,
        named: 'a grant of `a.b` and the name',
        without: [[match, ': boolean => rule.name === name', ': boolean => name.startsWith(rule.name)']],
      },
      {
        test: 'core/policy/host-pattern.test.ts',
        named: 'no name outside of a suffix is ever named by it',
        without: [['src/core/policy/host-pattern.ts', 'host.endsWith(`.${pattern.suffix}`)', 'host.endsWith(pattern.suffix)']],
      },
    ],
  },
  {
    id: 'D2',
    tries: 'no policy, an empty one, a broken one, or a call that no rule can be compared with',
    proofs: [
      {
        test: decideTest,
        named: 'a request alone is not granted, and the hint is the flag',
        without: [
          [
            decide,
            'if (rule === undefined || isThroughOtherMount(capability, rule)) {',
            'if (rule !== undefined && isThroughOtherMount(capability, rule)) {',
          ],
        ],
      },
      {
        test: decideTest,
        named: 'a target that is not in normal form is denied with reason `error`',
        without: [
          [
            decide,
            "isCapability(capability) ? decideWellFormed(policy, capability) : deny(capability, { reason: 'error' })",
            'decideWellFormed(policy, capability)',
          ],
        ],
      },
      {
        test: decideTest,
        named: 'a capability that throws when it is looked at, or a policy that is broken, denies',
        without: [[decide, "} catch {\n    return deny(capability, { reason: 'error' })\n  }", '} finally {\n    void 0\n  }']],
      },
      {
        test: 'core/policy/parse-policy.test.ts',
        named: 'a policy that is wrong',
        without: [
          [
            'src/core/policy/document.ts',
            "if (issue.code === 'unrecognized_keys') return",
            "if (issue.code === 'unrecognized_keys' && path.length > 99) return",
          ],
        ],
      },
    ],
  },
  {
    id: 'D3',
    tries: 'a cell that answers what it was not asked, twice, late or malformed',
    proofs: [
      {
        test: 'host/launch/conversation.test.ts',
        named: 'another version of the wire is a violation',
        because: 'every rule of the conversation has its own test there, and each names the violation it expects',
      },
    ],
  },
  {
    id: 'D4',
    tries: 'to act on a grant after its time, or twice',
    proofs: [
      {
        test: 'host/broker/broker.test.ts',
        named: 'a grant is good for one act, within the session, on the target that was decided',
        without: [['src/core/policy/grant.ts', "if (this.#used) throw new TypeError('this grant was used before')", '']],
      },
      {
        test: 'core/policy/grant.test.ts',
        named: 'a grant is over when its time is',
        without: [
          ['src/core/policy/grant.ts', "if (this.#minting.now() > this.#minting.notAfterMs) throw new TypeError('this grant is over')", ''],
        ],
      },
      {
        test: 'host/broker/broker.test.ts',
        named: 'handles asked for at the same time cannot share one place',
        without: [['src/host/broker/meter.ts', 'if (this.#handles >= this.#limits.handles) return false', '']],
      },
    ],
  },
  {
    id: 'D7',
    tries: 'to learn from an error what else there is',
    proofs: [
      {
        test: 'host/broker/broker.test.ts',
        named: 'a refusal of the provider reaches the guest as its code alone, the operator with its detail',
        without: [
          [
            'src/host/broker/broker.ts',
            'if (error instanceof GuestFault) return { ok: false, code: error.code }',
            'if (error instanceof GuestFault) return { ok: false, code: error.message }',
          ],
        ],
      },
    ],
  },
  {
    id: 'D9',
    tries: 'keys that set prototypes, in policies and in what guests give back',
    proofs: [
      {
        test: 'core/policy/parse-policy.test.ts',
        named: '__proto__',
        without: [
          [
            'src/core/policy/plain-data.ts',
            "if (key === '__proto__') return stop(",
            "if (key === '__proto__' && walk.nodes < 0) return stop(",
          ],
        ],
      },
      {
        test: 'host/session/outcome.test.ts',
        named: 'a result has no key that would set a prototype where it is copied',
        because: 'it was seen to fail with a plain JSON.parse in its place',
      },
    ],
  },
]
