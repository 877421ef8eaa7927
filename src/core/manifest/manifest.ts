import { z } from 'zod'
import type { Limits } from '#core/budget/limits.ts'
import { compileLimits, limitsSchema } from '#core/budget/parse-limits.ts'
import { compileRequests } from '#core/policy/compile-rules.ts'
import { fieldError, readDocument, take, type DocumentSource } from '#core/policy/document.ts'
import type { DocumentPlace, FieldPath } from '#core/policy/grants.ts'
import { parsed, refused, type Parsed } from '#core/policy/parsed.ts'
import { requestsSchema, type RawRequests } from '#core/policy/rule-schema.ts'
import type { RuleSet } from '#core/policy/rules.ts'

/** What a bundle says about itself and asks for. It grants nothing. */
export interface Manifest {
  readonly name: string
  /** Semantic version. */
  readonly version: string
  readonly description: string | undefined
  /** Relative path in the bundle, normalised: TypeScript or JavaScript that `cordon build` compiles. Exactly one of `source` and `component` is there. */
  readonly source?: string
  /** Relative path in the bundle, normalised: a WebAssembly component. */
  readonly component?: string
  /** The engine that a source is built for. */
  readonly engine?: 'starlingmonkey' | 'quickjs'
  readonly requests: RuleSet
  readonly limits: Partial<Limits>
  /** The `why` of requests, by the origin of the rule. */
  readonly reasons: ReadonlyMap<string, string>
}

const bundlePath = z.string({ error: 'a path in the bundle' }).min(1, 'a path in the bundle').max(1024, 'a path of at most 1024 characters')

const schema = z.strictObject(
  {
    apiVersion: z.literal('cordon/v1', { error: '`cordon/v1` · write `apiVersion: cordon/v1`' }),
    name: z
      .string({ error: 'a name' })
      .regex(/^(?=.{1,64}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, 'a name of lower-case letters, digits and single hyphens, at most 64 long'),
    version: z
      .string({ error: 'a version such as `1.0.0` · put it in quotes if YAML takes it for a number' })
      .max(128, 'a version of at most 128 characters')
      .regex(/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, 'a version such as `1.0.0`'),
    description: z.string({ error: 'text' }).max(1000, 'text of at most 1000 characters').optional(),
    source: bundlePath.optional(),
    component: bundlePath.optional(),
    engine: z.enum(['starlingmonkey', 'quickjs'], { error: '`starlingmonkey` or `quickjs`' }).optional(),
    requests: requestsSchema.optional(),
    limits: limitsSchema.optional(),
  },
  { error: 'an object with `apiVersion`, `name` and `version`' },
)

/**
 * Brings a path inside a bundle into normal form (`./src/a.ts` → `src/a.ts`): relative, forward slashes, no `..`, so that
 * reading it cannot leave the bundle as text. Links on disk are the reader's to refuse.
 */
const checkBundlePath = (text: string): Parsed<string> => {
  const segments = text.split('/').filter((segment) => segment !== '.' && segment !== '')
  const isInside = !text.startsWith('/') && !/^[A-Za-z]:/.test(text) && segments.length > 0 && !segments.includes('..')
  // eslint-disable-next-line no-control-regex -- a null or a newline in a file name is never meant
  return isInside && !text.includes('\\') && !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed()
    ? parsed(segments.join('/'))
    : refused('a relative path inside the bundle, without `..`', 'name a file of the bundle, such as `src/agent.ts`')
}

const checkProgram = (raw: z.infer<typeof schema>, source: DocumentSource): void => {
  if (raw.source !== undefined && raw.component !== undefined) {
    throw fieldError(source, ['component'], { expected: 'either `source` or `component`', got: 'both', hint: 'remove one of the two' })
  }
  if (raw.source === undefined && raw.component === undefined) {
    const hint = 'add `source: src/agent.ts`, or `component:` with the path of a built component'
    throw fieldError(source, [], { expected: '`source` or `component`', got: 'neither', hint })
  }
  if (raw.engine !== undefined && raw.source === undefined) {
    throw fieldError(source, ['engine'], { expected: '`engine` only beside `source`', got: `\`${raw.engine}\``, hint: 'remove it' })
  }
}

/** The reasons of all requests, by the origin of the rule compiled from each. */
const reasonsOf = (raw: RawRequests, rules: RuleSet): ReadonlyMap<string, string> => {
  const reasons = new Map<string, string>()
  for (const kind of ['net', 'fs', 'secrets', 'env', 'tools', 'tcp', 'udp', 'lookup', 'keyvalue', 'config'] as const) {
    for (const [index, item] of (raw[kind] ?? []).entries()) {
      const origin = rules[kind][index]?.origin
      if (origin !== undefined && typeof item !== 'string' && item.why !== undefined) reasons.set(origin, item.why)
    }
  }
  return reasons
}

/**
 * Reads an `agent.yaml` that was parsed into plain data. Throws CordonError `manifest.invalid` that names the field, what was
 * expected, what came and what to do.
 */
export const parseManifest = (value: unknown, origin: string, locate?: DocumentPlace['locate']): Manifest => {
  const source: DocumentSource = { code: 'manifest.invalid', origin, locate, originsAreFields: true }
  const raw = readDocument(schema, value, source)
  checkProgram(raw, source)
  const inBundle = (from: string, path: FieldPath): string => take(source, path, { from, result: checkBundlePath(from) })
  const requests = compileRequests(raw.requests ?? {}, source, ['requests'])
  return {
    name: raw.name,
    version: raw.version,
    description: raw.description,
    ...(raw.source !== undefined && { source: inBundle(raw.source, ['source']) }),
    ...(raw.component !== undefined && { component: inBundle(raw.component, ['component']) }),
    ...(raw.engine !== undefined && { engine: raw.engine }),
    requests,
    limits: compileLimits(raw.limits ?? {}, source, ['limits']),
    reasons: reasonsOf(raw.requests ?? {}, requests),
  }
}

/** The JSON Schema (2020-12) of `agent.yaml`. */
export const manifestSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(schema, { io: 'input' }),
  title: 'Cordon agent manifest (agent.yaml)',
})
