import { z } from 'zod'
import { CordonError, type CordonErrorCode } from '#core/errors.ts'
import { didYouMean } from '#core/policy/did-you-mean.ts'
import { fieldError, readDocument, take, type DocumentSource } from '#core/policy/document.ts'
import type { FieldPath } from '#core/policy/grants.ts'
import { quoted } from '#core/policy/neutralise.ts'
import { refused, type Parsed } from '#core/policy/parsed.ts'
import { limitNames, type Limits } from './limits.ts'
import { parseCount, parseDuration, parseSize } from './quantity.ts'

interface LimitForm {
  readonly compiled: keyof Limits
  readonly parse: (text: string | number) => Parsed<number>
  /** The smallest value that means anything. */
  readonly least: 0 | 1
  readonly example: string
}

/** The limits as people write them. */
const forms = {
  timeout: { compiled: 'timeoutMs', parse: parseDuration, least: 1, example: '30s' },
  cpuTime: { compiled: 'cpuTimeMs', parse: parseDuration, least: 1, example: '5s' },
  fuel: { compiled: 'fuel', parse: parseCount, least: 1, example: '5G' },
  memory: { compiled: 'memoryBytes', parse: parseSize, least: 1, example: '64Mi' },
  tables: { compiled: 'tableElements', parse: parseCount, least: 0, example: '10k' },
  output: { compiled: 'outputBytes', parse: parseSize, least: 0, example: '1Mi' },
  calls: { compiled: 'calls', parse: parseCount, least: 0, example: '1000' },
  egress: { compiled: 'egressBytes', parse: parseSize, least: 0, example: '5Mi' },
  ingress: { compiled: 'ingressBytes', parse: parseSize, least: 0, example: '64Mi' },
  handles: { compiled: 'handles', parse: parseCount, least: 0, example: '256' },
} as const satisfies Record<string, LimitForm>

type LimitName = keyof typeof forms

/** The names of the limits as people write them (`timeout`, `memory`, …), in the order people see them. */
export const friendlyLimitNames = Object.keys(forms) as readonly LimitName[]

const quantity = (example: string) =>
  z
    .union([z.string(), z.number()], { error: `a quantity such as \`${example}\`` })
    .meta({ examples: [example] })
    .optional()

/** Schema of `limits` in `agent.yaml` and in policy files. */
export const limitsSchema = z.strictObject(
  {
    timeout: quantity(forms.timeout.example),
    cpuTime: quantity(forms.cpuTime.example),
    fuel: quantity(forms.fuel.example),
    memory: quantity(forms.memory.example),
    tables: quantity(forms.tables.example),
    output: quantity(forms.output.example),
    calls: quantity(forms.calls.example),
    egress: quantity(forms.egress.example),
    ingress: quantity(forms.ingress.example),
    handles: quantity(forms.handles.example),
  },
  { error: 'an object such as `{ timeout: 30s, memory: 64Mi }`' },
)

const parseLimit = (form: LimitForm, text: string | number): Parsed<number> => {
  const read = form.parse(text)
  return read.ok && read.value < form.least ? refused(`at least ${form.least}`, 'raise it, or leave it out for the default') : read
}

/** Reads the limits of a document that {@link limitsSchema} accepted. Throws CordonError with the source's code. */
export const compileLimits = (raw: z.infer<typeof limitsSchema>, source: DocumentSource, path: FieldPath): Partial<Limits> => {
  const limits: { -readonly [K in keyof Limits]?: Limits[K] } = {}
  for (const name of friendlyLimitNames) {
    const from = raw[name]
    if (from !== undefined) limits[forms[name].compiled] = take(source, [...path, name], { from, result: parseLimit(forms[name], from) })
  }
  return limits
}

/**
 * Reads limits as people write them, `{ timeout: '30s', memory: '64Mi' }`, into plain numbers. Throws CordonError
 * (`policy.invalid` unless told otherwise) for unknown names and for quantities that cannot be read.
 */
export const parseLimits = (value: unknown, origin: string, code: CordonErrorCode = 'policy.invalid'): Partial<Limits> => {
  const source = { code, origin }
  return compileLimits(readDocument(limitsSchema, value, source), source, [])
}

/** Reads one `name=quantity`. */
const parseLimitFlag = (text: string): Partial<Limits> => {
  const source: DocumentSource = { code: 'grant.invalid', origin: '--limit', isFlag: true }
  const cut = text.indexOf('=')
  const name = cut < 0 ? text : text.slice(0, cut)
  const form = friendlyLimitNames.find((known) => known === name)
  if (form === undefined) {
    const near = didYouMean(name, friendlyLimitNames)
    const guess = near === undefined ? '' : `, did you mean \`${near}\``
    throw new CordonError(source.code, `${source.origin}: unknown limit ${quoted(name)}${guess}`, {
      hint: `limits are ${friendlyLimitNames.join(', ')}`,
    })
  }
  if (cut < 0) {
    const { example } = forms[form]
    throw fieldError(source, [], {
      expected: `a quantity such as \`${example}\``,
      got: 'nothing',
      hint: `write --limit ${form}=${example}`,
    })
  }
  return compileLimits({ [form]: text.slice(cut + 1) }, source, [])
}

/** Reads the values of `--limit name=quantity`; of what is said twice the smaller holds. Throws CordonError `grant.invalid`. */
export const parseLimitFlags = (values: readonly string[]): Partial<Limits> => {
  const limits = new Map<string, number>()
  for (const [name, limit] of values.flatMap((value) => Object.entries(parseLimitFlag(value)))) {
    limits.set(name, Math.min(limit, limits.get(name) ?? limit))
  }
  return Object.fromEntries(limits)
}

const wholeNumber = z
  .number({ error: 'a whole number from 0' })
  .int('a whole number from 0')
  .nonnegative('a whole number from 0')
  .optional()
/** Made once: zod compiles a schema when it is first used, and every run checks its limits. */
const compiledLimitsSchema = z.strictObject(
  Object.fromEntries(limitNames.map((name) => [name, wholeNumber])) as Record<keyof Limits, typeof wholeNumber>,
  { error: 'an object such as `{ timeoutMs: 30_000 }`' },
)

/**
 * Checks limits in their compiled form (`{ timeoutMs: 30_000 }`), as embedders give them. Throws CordonError `input.invalid` for
 * unknown names and for anything but whole numbers from 0.
 */
export const checkLimits = (value: unknown, origin: string): Partial<Limits> => {
  const read = readDocument(compiledLimitsSchema, value, { code: 'input.invalid', origin })
  return Object.fromEntries(Object.entries(read).filter(([, limit]) => limit !== undefined))
}
