import { primitiveTypes } from '#core/component/primitive-types.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'

/** A type of a component, as far as signatures need it (component model, binary format, `deftype`). */
export type ComponentType =
  /** A value type or a function type, spelled out in full: two are the same type when their texts are the same. */
  | { readonly kind: 'value' | 'function'; readonly text: string }
  | { readonly kind: 'resource'; readonly id: string }
  /** An instance type, read when it is known which interface it stands for. */
  | { readonly kind: 'instance'; readonly reader: () => ByteReader; readonly scope: TypeScope }
  /** Anything that no function of ours has in its signature. */
  | { readonly kind: 'other' }

/** The types that an index can mean. */
export interface TypeScope {
  readonly types: ComponentType[]
  readonly parent: TypeScope | undefined
}

/** Names of functions and types, as an interface gives them. */
export type Members = ReadonlyMap<string, ComponentType>

const maxDepth = 8
const maxCount = 10_000
const maxNameBytes = 1024
/** Longer texts than any type of ours has: sharing of types would let texts double at every step. */
const maxTextLength = 8192

const other: ComponentType = { kind: 'other' }

const value = (text: string): ComponentType => (text.length > maxTextLength ? other : { kind: 'value', text })

/** How a type reads inside of another; `?` where it has no place there, which matches nothing of ours. */
const textOf = (type: ComponentType | undefined): string => (type?.kind === 'value' ? type.text : '?')

const typeAt = (scope: TypeScope, index: number): ComponentType => scope.types[index] ?? other

const listOf = (reader: ByteReader, what: string, read: () => string): string =>
  Array.from({ length: reader.count(what, maxCount) }, read).join(',')

/** A label, a case or an argument: plain, so that none can forge the punctuation of a text. */
const label = (reader: ByteReader): string => {
  const at = reader.position
  const name = reader.asciiName('a label', maxNameBytes)
  if (!/^[A-Za-z0-9-]+$/.test(name)) throw new WasmError('malformed', at, `expected a label of letters, digits and dashes, got \`${name}\``)
  return name
}

const valueType = (reader: ByteReader, scope: TypeScope): string => {
  const first = reader.bytes[reader.position]
  if (first !== undefined && first >= 0x40 && first < 0x80) {
    reader.byte('a value type')
    return primitiveTypes[first] ?? '?'
  }
  return textOf(typeAt(scope, reader.u32('a type index')))
}

const optionalType = (reader: ByteReader, scope: TypeScope): string =>
  reader.byte('an optional type') === 0 ? '_' : valueType(reader, scope)

const handle = (reader: ByteReader, scope: TypeScope): string => {
  const type = typeAt(scope, reader.u32('a resource type'))
  return type.kind === 'resource' ? type.id : '?'
}

const variantCase = (reader: ByteReader, scope: TypeScope): string => {
  const text = `${label(reader)}:${optionalType(reader, scope)}`
  reader.byte('the end of a case')
  return text
}

type TypeReader = (reader: ByteReader, scope: TypeScope) => string

const valueReaders: Readonly<Record<number, TypeReader>> = {
  0x72: (reader, scope) => `record{${listOf(reader, 'fields', () => `${label(reader)}:${valueType(reader, scope)}`)}}`,
  0x71: (reader, scope) => `variant{${listOf(reader, 'cases', () => variantCase(reader, scope))}}`,
  0x70: (reader, scope) => `list<${valueType(reader, scope)}>`,
  0x6f: (reader, scope) => `tuple<${listOf(reader, 'items', () => valueType(reader, scope))}>`,
  0x6e: (reader) => `flags{${listOf(reader, 'flags', () => label(reader))}}`,
  0x6d: (reader) => `enum{${listOf(reader, 'cases', () => label(reader))}}`,
  0x6b: (reader, scope) => `option<${valueType(reader, scope)}>`,
  0x6a: (reader, scope) => `result<${optionalType(reader, scope)},${optionalType(reader, scope)}>`,
  0x69: (reader, scope) => `own<${handle(reader, scope)}>`,
  0x68: (reader, scope) => `borrow<${handle(reader, scope)}>`,
  // Those of WASI 0.3: no interface of ours has them, so that no function with one is let in.
  0x66: (reader, scope) => `stream<${optionalType(reader, scope)}>`,
  0x65: (reader, scope) => `future<${optionalType(reader, scope)}>`,
}

const functionType = (reader: ByteReader, scope: TypeScope, color: '' | 'async ' = ''): ComponentType => {
  const params = listOf(reader, 'parameters', () => `${label(reader)}:${valueType(reader, scope)}`)
  const hasResult = reader.byte('a result list') === 0
  if (!hasResult) reader.byte('the end of a result list')
  const text = `${color}(${params})->${hasResult ? valueType(reader, scope) : '_'}`
  return text.length > maxTextLength ? other : { kind: 'function', text }
}

const resourceType = (reader: ByteReader): ComponentType => {
  reader.byte('a representation')
  if (reader.byte('a destructor') === 1) reader.u32('a function index')
  return other
}

const unsupported = (reader: ByteReader, what: string): WasmError =>
  reader.refuse('unsupported', `expected types of WASI 0.2 and 0.3, got ${what}`)

/** An instance type: passed over now, read again with {@link membersOf} once an import gives it a name. */
const instanceType = (reader: ByteReader, scope: TypeScope, depth: number): ComponentType => {
  const start = reader.position
  readMembers(reader, { types: [], parent: scope }, { interfaceId: '', depth })
  const end = reader.position
  return { kind: 'instance', reader: () => new ByteReader(reader.bytes, start, end), scope }
}

/** Reads one type definition. Throws WasmError. */
export const readType = (reader: ByteReader, scope: TypeScope, depth: number): ComponentType => {
  if (depth > maxDepth) throw unsupported(reader, `types nested more than ${maxDepth} deep`)
  const form = reader.byte('a type')
  const readValue = valueReaders[form]
  if (readValue !== undefined) return value(readValue(reader, scope))
  const primitive = primitiveTypes[form]
  if (primitive !== undefined) return value(primitive)
  if (form === 0x40) return functionType(reader, scope)
  if (form === 0x43) return functionType(reader, scope, 'async ')
  if (form === 0x42) return instanceType(reader, scope, depth + 1)
  if (form === 0x3f) return resourceType(reader)
  if (form === 0x41) {
    readMembers(reader, { types: [], parent: scope }, { interfaceId: '', depth: depth + 1 })
    return other
  }
  throw unsupported(reader, `a type of form 0x${form.toString(16)}`)
}

const outerType = (scope: TypeScope, hops: number, index: number): ComponentType => {
  let at: TypeScope | undefined = scope
  for (let hop = 0; hop < hops; hop++) at = at?.parent
  return at === undefined ? other : typeAt(at, index)
}

export const sort = { core: 0, func: 1, value: 2, type: 3, component: 4, instance: 5 } as const

/** An alias that gives a type or an instance of the scope a new index. */
type Alias =
  | { readonly sort: number; readonly from: 'export'; readonly instance: number; readonly name: string }
  | { readonly sort: number; readonly from: 'outer'; readonly type: ComponentType }
  | { readonly sort: number; readonly from: 'core' }

/** Reads one alias. Throws WasmError. */
export const readAliasOf = (reader: ByteReader, scope: TypeScope): Alias => {
  const aliased = reader.byte('a sort')
  if (aliased === sort.core) reader.byte('a core sort')
  const target = reader.byte('the target of an alias')
  const first = reader.u32('an index')
  if (target === 2) return { sort: aliased, from: 'outer', type: outerType(scope, first, reader.u32('an index')) }
  const name = reader.asciiName('an alias', maxNameBytes)
  return target === 0 ? { sort: aliased, from: 'export', instance: first, name } : { sort: aliased, from: 'core' }
}

/** Reads an external name. Throws WasmError. */
export const readName = (reader: ByteReader): string => {
  if (reader.byte('a name') > 1) throw unsupported(reader, 'a name of another form')
  return reader.asciiName('an import or export', maxNameBytes)
}

/** Reads what an import or export is: its sort, and its type where that is known. `resourceId` names a new resource type. Throws WasmError. */
export const readDescribed = (reader: ByteReader, scope: TypeScope, resourceId: string): { sort: number; type: ComponentType } => {
  const described = reader.byte('a sort')
  if (described === sort.core) reader.byte('a core sort')
  if (described === sort.type) {
    const isNew = reader.byte('the bound of a type') === 1
    return { sort: described, type: isNew ? { kind: 'resource', id: resourceId } : typeAt(scope, reader.u32('a type index')) }
  }
  if (described === sort.value) throw unsupported(reader, 'a component-level value')
  return { sort: described, type: typeAt(scope, reader.u32('a type index')) }
}

interface Naming {
  readonly interfaceId: string
  readonly depth: number
}

const declare = (reader: ByteReader, scope: TypeScope, naming: Naming, members: Map<string, ComponentType>): void => {
  const form = reader.byte('a declaration')
  if (form === 1) scope.types.push(readType(reader, scope, naming.depth))
  else if (form === 2) {
    const alias = readAliasOf(reader, scope)
    if (alias.sort === sort.type) scope.types.push(alias.from === 'outer' ? alias.type : other)
  } else if (form === 3 || form === 4) {
    const name = readName(reader)
    const described = readDescribed(reader, scope, `${naming.interfaceId}.${name}`)
    if (described.sort === sort.type) scope.types.push(described.type)
    if (form === 4) members.set(name, described.type)
  } else throw unsupported(reader, `a declaration of form ${form}`)
}

const readMembers = (reader: ByteReader, scope: TypeScope, naming: Naming): Members => {
  const members = new Map<string, ComponentType>()
  const count = reader.count('declarations', maxCount)
  for (let nth = 0; nth < count; nth++) declare(reader, scope, naming, members)
  return members
}

/** What an import of that instance type offers under that interface (`wasi:io/poll`, no version). Throws WasmError. */
export const membersOf = (type: ComponentType, interfaceId: string): Members =>
  type.kind === 'instance' ? readMembers(type.reader(), { types: [], parent: type.scope }, { interfaceId, depth: 1 }) : new Map()
