import { z } from 'zod'
import { compileLimits, limitsSchema } from '#core/budget/parse-limits.ts'
import { compileGrants, type GrantField } from './compile-grants.ts'
import { compileDenies } from './compile-rules.ts'
import { fieldError, gotText, originOf, readDocument, type DocumentSource } from './document.ts'
import type { DocumentPlace, GrantLayer, Policy } from './grants.ts'
import { denySchema, grantFields } from './rule-schema.ts'

const agentSchema = z.strictObject(
  { ...grantFields, limits: limitsSchema.optional() },
  { error: 'an object such as `{ net: [], mounts: [] }` · write `{}` to grant nothing' },
)

const schema = z.strictObject(
  {
    apiVersion: z.literal('cordon/v1', { error: '`cordon/v1` · write `apiVersion: cordon/v1`' }),
    kind: z.literal('Policy', { error: '`Policy` · write `kind: Policy`' }),
    agents: z.record(z.string(), agentSchema, { error: 'an object of agents by name' }).optional(),
    floor: z
      .strictObject({ deny: denySchema.optional(), limits: limitsSchema.optional() }, { error: 'an object of `deny` and `limits`' })
      .optional(),
  },
  { error: 'an object with `apiVersion`, `kind` and `agents`' },
)

const compileLayer = (raw: z.infer<typeof agentSchema>, field: GrantField): GrantLayer => {
  const { source, path } = field
  return {
    origin: path.length === 0 ? source.origin : originOf(source, path),
    grants: compileGrants(raw, field),
    denies: compileDenies(raw.deny ?? {}, source, [...path, 'deny']),
    limits: compileLimits(raw.limits ?? {}, source, [...path, 'limits']),
  }
}

/** An agent is named one by one: `*` would grant to agents that nobody has seen. */
const checkAgentKey = (key: string, source: DocumentSource): void => {
  if (/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(key) || /^sha256:[0-9a-f]{64}$/.test(key)) return
  const hint = key.includes('*')
    ? '`*` would grant to agents nobody has looked at: name them, or use `floor` to deny'
    : 'name the agent as its manifest does'
  throw fieldError(source, ['agents'], { expected: "an agent's name, or `sha256:` and 64 hex digits", got: gotText(key), hint })
}

/**
 * Reads an operator policy that was parsed into plain data. Throws CordonError `policy.invalid` that names the field, what was
 * expected, what came and what to do. Nothing on disk or in the environment is looked at: see `effectivePolicy`.
 */
export const parsePolicy = (value: unknown, origin: string, place: DocumentPlace): Policy => {
  const source: DocumentSource = { code: 'policy.invalid', origin, locate: place.locate }
  const raw = readDocument(schema, value, source)
  const agents = Object.entries(raw.agents ?? {}).map(([key, entry]) => {
    checkAgentKey(key, source)
    return [key, compileLayer(entry, { source, place, path: ['agents', key] })] as const
  })
  return {
    origin,
    agents: new Map(agents),
    floor: {
      denies: compileDenies(raw.floor?.deny ?? {}, source, ['floor', 'deny']),
      limits: compileLimits(raw.floor?.limits ?? {}, source, ['floor', 'limits']),
    },
  }
}

/** Reads the embedder's `allow` option: one agent's entry of a policy. Throws CordonError `grant.invalid`. */
export const parseAllow = (value: unknown, origin: string, place: DocumentPlace): GrantLayer => {
  const source: DocumentSource = { code: 'grant.invalid', origin, locate: place.locate }
  return compileLayer(readDocument(agentSchema, value, source), { source, place, path: [] })
}

/** The JSON Schema (2020-12) of policy files. */
export const policySchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(schema, { io: 'input' }),
  title: 'Cordon operator policy',
})
