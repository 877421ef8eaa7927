/** What kind of thing a core module imports or exports. */
export type CoreKind = 'func' | 'table' | 'memory' | 'global'

/** One import of a core module. */
export interface CoreImport {
  readonly module: string
  readonly name: string
  readonly kind: CoreKind
}

/** One export of a core module. */
export interface CoreExport {
  readonly name: string
  readonly kind: CoreKind
}

/** The size of a memory (in pages of 64 KiB) or of a table (in elements), as declared. */
export interface CoreSize {
  readonly imported: boolean
  readonly initial: number
  readonly maximum: number | undefined
}

/** What a validated core module is made of. */
export interface CoreShape {
  readonly imports: readonly CoreImport[]
  readonly exports: readonly CoreExport[]
  /** Functions the module defines. */
  readonly functions: number
  readonly memory: CoreSize | undefined
  readonly tables: readonly CoreSize[]
  /** Mutable globals the module defines. */
  readonly mutableGlobals: number
  readonly hasStart: boolean
  /** Drops segments at run time: such an instance cannot be reset in place. */
  readonly dropsSegments: boolean
  /** Writes tables at run time: resetting has to put them back. */
  readonly changesTables: boolean
}
