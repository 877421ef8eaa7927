import { linkedName } from '#core/implemented-interfaces.ts'
import { CordonError } from '#core/errors.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import {
  membersOf,
  readAliasOf,
  readDescribed,
  readName,
  readType,
  sort,
  type ComponentType,
  type Members,
  type TypeScope,
} from './component-types.ts'
import type { Signatures } from './signature-text.ts'

const preambleBytes = 8
const maxCount = 100_000
const section = { instance: 5, alias: 6, type: 7, import: 10, export: 11 } as const

/** Follows the type and instance indices of a component, no further than imports need them. */
class ImportWalk {
  readonly imports: (readonly [string, Members])[] = []
  readonly #scope: TypeScope = { types: [], parent: undefined }
  readonly #instances: (Members | undefined)[] = []

  section(id: number, part: ByteReader): void {
    const readEntry = {
      [section.type]: () => this.#scope.types.push(readType(part, this.#scope, 0)),
      [section.alias]: () => this.#alias(part),
      [section.import]: () => this.#import(part),
      [section.export]: () => this.#export(part),
    }[id]
    if (id === section.instance) this.#skipInstances(part)
    if (readEntry === undefined) return
    const count = part.count('entries of a section', maxCount)
    for (let nth = 0; nth < count; nth++) readEntry()
  }

  #skipInstances(part: ByteReader): void {
    const count = part.count('instances', maxCount)
    for (let nth = 0; nth < count; nth++) this.#instances.push(undefined)
  }

  #alias(part: ByteReader): void {
    const alias = readAliasOf(part, this.#scope)
    if (alias.sort === sort.instance) this.#instances.push(undefined)
    if (alias.sort !== sort.type) return
    const exported = alias.from === 'export' ? this.#instances[alias.instance]?.get(alias.name) : undefined
    this.#scope.types.push(alias.from === 'outer' ? alias.type : (exported ?? { kind: 'other' }))
  }

  #import(part: ByteReader): void {
    const name = readName(part)
    const described = readDescribed(part, this.#scope, name)
    if (described.sort === sort.type) this.#scope.types.push(described.type)
    if (described.sort !== sort.instance) return
    const members = membersOf(described.type, linkedName(name))
    this.#instances.push(members)
    this.imports.push([name, members])
  }

  #export(part: ByteReader): void {
    readName(part)
    const exported = part.byte('a sort')
    if (exported === sort.core) part.byte('a core sort')
    const index = part.u32('an index')
    const isDescribed = part.byte('the type of an export') === 1
    const described = isDescribed ? readDescribed(part, this.#scope, '').type : undefined
    if (exported === sort.type) this.#scope.types.push(described ?? this.#typeAt(index))
    if (exported === sort.instance) this.#instances.push(this.#instances[index])
  }

  #typeAt(index: number): ComponentType {
    return this.#scope.types[index] ?? { kind: 'other' }
  }
}

const signatureOf = (type: ComponentType): string => (type.kind === 'function' ? type.text : '?')

/** A type of an interface is no function; whether it is the right one shows in the functions that use it. */
const isFunctionLike = (type: ComponentType): boolean => type.kind === 'function' || type.kind === 'other' || type.kind === 'instance'

/** The interfaces that a component imports, as written, each with its functions and their signatures. Throws WasmError. */
export const readImportSignatures = (component: Uint8Array): readonly (readonly [string, ReadonlyMap<string, string>])[] => {
  const walk = new ImportWalk()
  const reader = new ByteReader(component, preambleBytes)
  while (!reader.done) {
    const id = reader.byte('a section id')
    const length = reader.u32('the size of a section')
    walk.section(id, reader.part(length, 'a section'))
  }
  return walk.imports.map(([name, members]) => [
    name,
    new Map([...members].filter(([, type]) => isFunctionLike(type)).map(([member, type]) => [member, signatureOf(type)])),
  ])
}

/**
 * Refuses a component that imports a function which the interface does not have, or has with another type: the generated code
 * believes the component about types, and an adapter that answers with bytes where numbers were declared would be read past its end. Throws
 * CordonError `component.import-unknown`, or WasmError.
 */
export const checkImportSignatures = (component: Uint8Array, reference: Signatures): void => {
  for (const [name, functions] of readImportSignatures(component)) {
    const id = linkedName(name)
    const known = Object.hasOwn(reference, id) ? (reference[id] ?? {}) : {}
    for (const [member, signature] of functions) {
      if (!Object.hasOwn(known, member)) {
        throw new CordonError(
          'component.import-unknown',
          `the component imports \`${member}\` of \`${name}\`, which this host does not have`,
        )
      }
      if (known[member] !== signature) {
        throw new CordonError(
          'component.import-unknown',
          `the component imports \`${member}\` of \`${name}\` as \`${signature.slice(0, 200)}\`; this host has it as \`${known[member]?.slice(0, 200)}\``,
        )
      }
    }
  }
}
