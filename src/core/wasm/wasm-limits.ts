/** What untrusted wasm may have of each thing. Every field is inclusive: one more is a WasmError `limit`. */
export interface WasmLimits {
  /** Bytes of a component. */
  readonly componentBytes: number
  /** Components inside components. */
  readonly componentDepth: number
  /** Components inside a component, at all depths. */
  readonly nestedComponents: number
  /** Sections of a component with all that are nested, and of one core module. */
  readonly sections: number
  /** Core modules of a component, nested ones included. */
  readonly coreModules: number
  /** Imports or exports of one component. */
  readonly componentNames: number
  /** Bytes of one core module. */
  readonly moduleBytes: number
  /** Bytes of one core module after rewriting. */
  readonly rewrittenBytes: number
  readonly types: number
  /** Parameters of a function type, and results likewise. */
  readonly typeArity: number
  readonly imports: number
  readonly exports: number
  /** Functions that a core module defines. */
  readonly functions: number
  /** Bytes of one function body. */
  readonly bodyBytes: number
  /** Locals of one function, parameters included. */
  readonly locals: number
  /** Blocks inside blocks in a function. */
  readonly blockDepth: number
  /** Targets of one br_table. */
  readonly branchTargets: number
  readonly globals: number
  readonly tables: number
  readonly elementSegments: number
  /** Elements of one segment. */
  readonly segmentElements: number
  readonly dataSegments: number
  /** Bytes of one data segment. */
  readonly segmentBytes: number
  /** Bytes of one name. */
  readonly nameBytes: number
}

const MiB = 1024 * 1024

/**
 * Room for whole language runtimes (StarlingMonkey 12–20 MB and their bundled scripts, CRuby 17 MB), below what hurts
 * V8: it allows 1,000,000 functions, bodies of 7,654,321 bytes and 50,000 locals. Types, bodies and arities are held
 * so low that the cost of a whole body fits an i32 charge (`meter-costs.ts`).
 */
export const defaultWasmLimits: WasmLimits = {
  componentBytes: 96 * MiB,
  componentDepth: 8,
  nestedComponents: 1000,
  sections: 100_000,
  coreModules: 200,
  componentNames: 1000,
  moduleBytes: 96 * MiB,
  rewrittenBytes: 128 * MiB,
  types: 50_000,
  typeArity: 128,
  imports: 10_000,
  exports: 50_000,
  functions: 200_000,
  bodyBytes: 4 * MiB,
  locals: 20_000,
  blockDepth: 8192,
  branchTargets: 65_520,
  globals: 20_000,
  tables: 32,
  elementSegments: 10_000,
  segmentElements: 1_000_000,
  dataSegments: 50_000,
  segmentBytes: 64 * MiB,
  nameBytes: 1024,
}
