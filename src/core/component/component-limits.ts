/** What an untrusted component may have of each thing. Every field is inclusive: one more is a WasmError `limit`. */
export interface ComponentLimits {
  /** Bytes of the whole binary; twice as many when its core modules are metered. */
  readonly componentBytes: number
  /** Components, component types and instance types inside one another. */
  readonly depth: number
  /** Sections, those of nested components included. */
  readonly sections: number
  /** Entries of all index spaces of all components together. */
  readonly definitions: number
  /** Components inside the component, at all depths. */
  readonly components: number
  /** Core modules, those of nested components included. */
  readonly modules: number
  /** Types, imports, functions, globals and exports of all core modules together. */
  readonly moduleEntries: number
  /** Fields, cases, parameters, imports, exports or arguments of one thing. */
  readonly members: number
  /** Types inside a type. Those who walk types recurse this deep. */
  readonly typeDepth: number
  /** Types in one type when nothing in it is shared. */
  readonly typeSize: number
  /** The same summed over all types of the component. */
  readonly typesSize: number
  /** Bytes of one name. */
  readonly nameBytes: number
  /** Component instances, the root included, once nested components are dissolved. */
  readonly instances: number
  /** Instantiations inside instantiations. */
  readonly instantiationDepth: number
  /** Core instances that are made of modules, in all component instances. */
  readonly coreInstances: number
  /** What those import, together. Each costs time and memory in every instance that no guest's budget counts. */
  readonly coreImports: number
  /** Functions and canonical functions, each in all component instances; likewise. */
  readonly functions: number
  /** Resource types, in all component instances. */
  readonly resources: number
  /** Elementary steps of validating and flattening: a visit of a type, a name or a definition. */
  readonly work: number
}

const MiB = 1024 * 1024

/** Well above what toolchains and composition make, and so low that a component that uses all of it is read within about a second. */
export const defaultComponentLimits: ComponentLimits = {
  componentBytes: 96 * MiB,
  depth: 16,
  sections: 100_000,
  definitions: 200_000,
  components: 1000,
  modules: 200,
  moduleEntries: 2_000_000,
  members: 10_000,
  typeDepth: 64,
  typeSize: 65_536,
  typesSize: 1_000_000,
  nameBytes: 1024,
  instances: 1000,
  instantiationDepth: 64,
  coreInstances: 2000,
  coreImports: 20_000,
  functions: 10_000,
  resources: 10_000,
  work: 2_000_000,
}
