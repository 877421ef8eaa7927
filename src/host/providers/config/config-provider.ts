import type { Granted } from '#core/policy/grant.ts'
import { GuestFault, type Performed, type Plan, type Provider } from '#host/broker/provider.ts'
import type { Call } from '#wire/calls.ts'

/**
 * Gives settings to one session: each value for a grant of its own, taken from the rule that granted it. `names` are those that were both asked for
 * and granted.
 */
export const createConfigProvider = (names: readonly string[]): Provider => ({
  ops: ['config.get', 'config.list'],
  plan: (call: Call): Plan => {
    if (call.op === 'config.list') return { kind: 'own' }
    if (call.op !== 'config.get') throw new TypeError(`expected a call of settings, got ${call.op}`)
    return { kind: 'capability', capability: { action: 'config:read', name: call.args.name }, effect: 'read' }
  },
  perform: async (granted: Granted): Promise<Performed> => {
    const { rule } = granted
    const target = granted.consume()
    if (target.action !== 'config:read' || rule.kind !== 'config') throw new TypeError('expected a grant for a setting')
    if (rule.value === undefined) throw new GuestFault('unknown', 'granted without a value')
    const body = new TextEncoder().encode(rule.value)
    return { value: {}, body, ingressBytes: body.length }
  },
  continue: async (call: Call): Promise<Performed> => {
    if (call.op !== 'config.list') throw new TypeError(`expected config.list, got ${call.op}`)
    return { value: { names } }
  },
  [Symbol.asyncDispose]: async () => {},
})
