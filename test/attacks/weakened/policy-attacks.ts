import type { Attack } from './attack.ts'

const decide = 'src/core/policy/decide.ts'
const match = 'src/core/policy/match.ts'
const conversation = 'src/host/launch/conversation.ts'
const conversationTest = 'host/launch/conversation.test.ts'
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
        test: conversationTest,
        named: 'another version of the wire is a violation',
        without: [[conversation, 'if (message.version !== wireVersion) throw', 'if (message.version < 0) throw']],
      },
      {
        test: conversationTest,
        named: 'nothing is heard before ready, and ready once',
        without: [[conversation, "if (this.#ready === (message.type === 'ready')) throw", 'if (this.#used < 0) throw']],
      },
      {
        test: conversationTest,
        named: 'a call holds its credit until it is answered',
        without: [[conversation, 'if (this.#used > initialCreditBytes) throw', 'if (this.#used < 0) throw']],
      },
      {
        test: conversationTest,
        named: 'an answer to a call that is not waiting is not sent',
        without: [[conversation, 'if (call === undefined) return false', 'if (call === undefined) return true']],
      },
      {
        test: conversationTest,
        named: 'answers are for what was asked, in order, once',
        without: [[conversation, 'if (session.asked.shift() !== message.id) throw', 'if (message.id < 0) throw']],
      },
      {
        test: 'wire/codec.test.ts',
        named: 'a cell may not say what only a host says, nor the other way round',
        because: 'each direction has its own table of messages: there is no check to take out',
      },
      {
        test: 'wire/codec.test.ts',
        named: 'a head that is not UTF-8 is a violation',
        without: [['src/wire/codec.ts', 'fatal: true', 'fatal: false']],
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
    id: 'D6',
    tries: 'to grant itself something: by what its bundle says, or by a mount that shows the policy, the keys, the log or the caches',
    proofs: [
      {
        test: 'host/config/files.test.ts',
        named: 'never overlap a folder of Cordon’s own, from above or below, by whatever link',
        without: [['src/host/config/resolve-mount.ts', 'isWithin(real, folder) || isWithin(folder, real)', 'real === folder']],
      },
      {
        test: 'attacks/files/own-folders.test.ts',
        named: 'is refused though',
        without: [
          [
            'src/host/config/resolve-mount.ts',
            'parent === absolute ? absolute : join(realOrFuture(parent), basename(absolute))',
            'parent === "" ? join(parent, basename(absolute)) : absolute',
          ],
        ],
      },
      {
        test: 'core/policy/effective.test.ts',
        named: 'a bundle may ask for less than the defaults, and gets more only when an operator says so',
        without: [
          [
            'src/core/policy/effective.ts',
            'effectiveLimits([operators, manifest?.limits ?? {}], operators, lowered)',
            'effectiveLimits([{ ...operators, ...manifest?.limits }], operators, lowered)',
          ],
        ],
      },
      {
        test: 'core/policy/effective.test.ts',
        named: 'without a manifest the grants are the requests; with one, both are needed',
        without: [['src/core/policy/decide.ts', 'if (!isRequested) return', 'if (!isRequested && policy.agent === "") return']],
      },
      {
        test: 'core/policy/effective.test.ts',
        named: 'an entry by name or by digest speaks about the agent, others do not',
        without: [['src/core/policy/effective.ts', 'keys.map((key) => agents.get(key))', '[...agents.values()]']],
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
        without: [['src/host/session/outcome.ts', 'return parseGuestText(text, maxResultDepth)', 'return JSON.parse(text)']],
      },
    ],
  },
]
