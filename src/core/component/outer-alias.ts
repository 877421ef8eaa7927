import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { refersToResources } from './free-resources.ts'
import { pick, invalid, type Reading } from './reading.ts'
import type { CoreTypeDefinition, Scope } from './scope.ts'
import type { StaticType } from './static-types.ts'

/** What an outer alias points at: an index in a scope around the one it stands in (Binary.md, alias definitions). */
export class OuterAlias {
  readonly scope: Scope
  /** Components, not types, between here and there. */
  readonly components: number
  readonly index: number
  private readonly at: number

  constructor(scope: Scope, components: number, index: number, at: number) {
    this.scope = scope
    this.components = components
    this.index = index
    this.at = at
  }

  /** A type, which may not mean resource types of another component. */
  type(reading: Reading): StaticType {
    const type = pick(this.scope.types, this.index, 'type', this.at)
    if (this.components > 0 && refersToResources(type, reading, this.at)) {
      throw invalid(this.at, 'expected an alias of a type without resource types across components, got one with them')
    }
    return type
  }

  coreType(): CoreTypeDefinition {
    return pick(this.scope.coreTypes, this.index, 'core type', this.at)
  }
}

/** Reads count and index of an outer alias. Throws WasmError. */
export const resolveOuter = (reader: ByteReader, from: Scope): OuterAlias => {
  const at = reader.position
  const count = reader.u32('how far out an alias reaches')
  if (count > from.depth) throw invalid(at, `expected an alias of at most ${from.depth} scopes outwards, got ${count}`)
  let scope = from
  let components = 0
  for (let out = 0; out < count && scope.parent !== undefined; out++) {
    if (scope.kind === 'component') components++
    scope = scope.parent
  }
  return new OuterAlias(scope, components, reader.u32('an index'), at)
}
