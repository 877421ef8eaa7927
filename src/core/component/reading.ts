import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import type { ComponentLimits } from './component-limits.ts'
import type { CoreModuleRange } from './component-plan.ts'

/** One reading of one component: what all its parts share, and what all of them together may not exceed. */
export class Reading {
  readonly limits: ComponentLimits
  /** True when the core modules carry the meter's imports and exports. */
  readonly metered: boolean
  /** True where a core module may import one thing several times, as it may outside a component. */
  readonly repeatsImports: boolean
  /** Core modules found so far. */
  readonly modules: CoreModuleRange[] = []
  private readonly counts = new Map<keyof ComponentLimits, number>()
  private work = 0

  constructor(limits: ComponentLimits, metered: boolean, repeatsImports = false) {
    this.limits = limits
    this.metered = metered
    this.repeatsImports = repeatsImports
  }

  /** Counts `amount` more of something that is limited as a whole. Throws WasmError `limit`. */
  count(what: keyof ComponentLimits, at: number, amount = 1): void {
    const total = (this.counts.get(what) ?? 0) + amount
    if (total > this.limits[what]) throw new WasmError('limit', at, `expected at most ${this.limits[what]} ${inWords[what]}, got more`)
    this.counts.set(what, total)
  }

  /** Pays for work that does not follow from bytes read, so that a small component cannot ask for much of it. Throws WasmError `limit`. */
  spend(at: number, steps = 1): void {
    this.work += steps
    if (this.work > this.limits.work) {
      throw new WasmError('limit', at, `expected a component that is checked in ${this.limits.work} steps, got one that takes more`)
    }
  }

  /** Reads how many members of `what` follow, and pays for them. */
  members(reader: ByteReader, what: string): number {
    const count = reader.count(what, this.limits.members)
    this.spend(reader.position, count)
    return count
  }
}

const inWords: Readonly<Record<keyof ComponentLimits, string>> = {
  componentBytes: 'bytes of a component',
  depth: 'components inside components',
  sections: 'sections',
  definitions: 'definitions',
  components: 'nested components',
  modules: 'core modules',
  moduleEntries: 'entries of core modules',
  members: 'members',
  typeDepth: 'types inside types',
  typeSize: 'types in one type',
  typesSize: 'types in all types together',
  nameBytes: 'bytes in a name',
  instances: 'component instances',
  instantiationDepth: 'instantiations inside instantiations',
  coreInstances: 'core instances',
  coreImports: 'imports of core instances',
  functions: 'functions',
  resources: 'resource types',
  work: 'steps',
}

/** `what` after its article. */
export const aOrAn = (what: string): string => `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`

/** The error for bytes that are no valid component. */
export const invalid = (at: number, message: string): WasmError => new WasmError('malformed', at, message)

/** What is said of a feature by its name. */
const notOf02 = (feature: string): string => `expected a component of WASI 0.2's features, got ${feature}`

/** The error for a feature that neither WASI 0.2 nor 0.3 has, or that cells do not contain. */
export const unsupported = (at: number, feature: string): WasmError => new WasmError('unsupported', at, notOf02(feature))

/** The error for a feature that makes a component one of WASI 0.3: what is asynchronous, and the types that come with it. Another linker may have it. */
export const beyond = (at: number, feature: string): WasmError => new WasmError('beyond', at, notOf02(feature))

/** The error for a byte that stands for nothing. */
export const unknownByte = (at: number, expected: string, byte: number): WasmError =>
  invalid(at, `expected ${expected}, got 0x${byte.toString(16).padStart(2, '0')}`)

/** The member of an index space. Throws WasmError when there is none. */
export const pick = <Kind>(space: readonly Kind[], index: number, what: string, at: number): Kind => {
  const found = space[index]
  if (found === undefined) throw invalid(at, `expected ${aOrAn(what)} index below ${space.length}, got ${index}`)
  return found
}
