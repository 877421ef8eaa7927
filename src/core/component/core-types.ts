import { invalid } from './reading.ts'

/** Sizes of a memory in pages of 64 KiB, or of a table in elements. */
export interface CoreLimits {
  readonly initial: number
  readonly maximum: number | undefined
}

/** What a core module imports or exports, by type. */
export type CoreType =
  | { readonly kind: 'func'; readonly signature: CoreSignature }
  | { readonly kind: 'table'; readonly element: string; readonly limits: CoreLimits }
  | { readonly kind: 'memory'; readonly limits: CoreLimits }
  | { readonly kind: 'global'; readonly value: string; readonly mutable: boolean }

/** A core function type in words, `(i32 i64) -> (f32)`. Equal exactly when the types are. */
export type CoreSignature = string

/** Writes a core function type down. */
export const coreSignature = (params: readonly string[], results: readonly string[]): CoreSignature =>
  `(${params.join(' ')}) -> (${results.join(' ')})`

export interface CoreImportType {
  readonly module: string
  readonly name: string
  readonly type: CoreType
}

/** The type of a core module. */
export interface ModuleType {
  readonly imports: readonly CoreImportType[]
  readonly exports: ReadonlyMap<string, CoreType>
}

const describeLimits = ({ initial, maximum }: CoreLimits): string => (maximum === undefined ? `${initial}` : `${initial} to ${maximum}`)

/** A core type in words. */
const describeCoreType = (type: CoreType): string => {
  if (type.kind === 'func') return `func ${type.signature}`
  if (type.kind === 'table') return `table of ${describeLimits(type.limits)} ${type.element}`
  if (type.kind === 'memory') return `memory of ${describeLimits(type.limits)} pages`
  return `${type.mutable ? 'mutable' : 'immutable'} global ${type.value}`
}

const fits = (given: CoreLimits, expected: CoreLimits): boolean =>
  given.initial >= expected.initial &&
  (expected.maximum === undefined || (given.maximum !== undefined && given.maximum <= expected.maximum))

const matches = (given: CoreType, expected: CoreType): boolean => {
  if (given.kind === 'func') return expected.kind === 'func' && given.signature === expected.signature
  if (given.kind === 'table') return expected.kind === 'table' && given.element === expected.element && fits(given.limits, expected.limits)
  if (given.kind === 'memory') return expected.kind === 'memory' && fits(given.limits, expected.limits)
  return expected.kind === 'global' && given.value === expected.value && given.mutable === expected.mutable
}

/** Throws unless `given` may stand where `expected` is asked for (core spec 3.3, import matching). */
export const checkCoreType = (given: CoreType, expected: CoreType, where: { readonly what: string; readonly at: number }): void => {
  if (!matches(given, expected)) {
    throw invalid(where.at, `expected ${describeCoreType(expected)} for ${where.what}, got ${describeCoreType(given)}`)
  }
}

/** A two-level name as one key. */
export const importKey = ({ module, name }: { readonly module: string; readonly name: string }): string =>
  `${module.length}:${module}${name}`

/** Throws unless module type `given` imports no more and exports no less than `expected`. */
export const checkModuleType = (given: ModuleType, expected: ModuleType, where: { readonly what: string; readonly at: number }): void => {
  const allowed = new Map(expected.imports.map((entry) => [importKey(entry), entry.type]))
  for (const entry of given.imports) {
    const offered = allowed.get(importKey(entry))
    const what = `import \`${entry.module}\` \`${entry.name}\` of ${where.what}`
    if (offered === undefined) throw invalid(where.at, `expected ${where.what} to import no more than its type, got ${what}`)
    checkCoreType(offered, entry.type, { what, at: where.at })
  }
  for (const [name, type] of expected.exports) {
    const got = given.exports.get(name)
    if (got === undefined) throw invalid(where.at, `expected ${where.what} to export \`${name}\`, got no such export`)
    checkCoreType(got, type, { what: `export \`${name}\` of ${where.what}`, at: where.at })
  }
}
