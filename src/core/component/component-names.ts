import type { ByteReader } from '#core/wasm/byte-reader.ts'
import { isReservedName } from '#core/wasm/meter-names.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'
import { beyond, invalid, unsupported } from './reading.ts'

/** A name of an import or export, taken apart (component model, Explainer.md, import and export definitions). */
export type ExternName =
  | { readonly kind: 'label'; readonly text: string }
  | { readonly kind: 'interface'; readonly text: string }
  | { readonly kind: 'constructor'; readonly text: string; readonly resource: string }
  | { readonly kind: 'method' | 'static'; readonly text: string; readonly resource: string; readonly member: string }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a name of at most `limit` bytes. */
export const readName = (reader: ByteReader, what: string, limit: number): string => {
  const length = reader.count(`bytes in the name of ${what}`, limit)
  const start = reader.position
  reader.skip(length, `the name of ${what}`)
  try {
    return decoder.decode(reader.bytes.subarray(start, reader.position))
  } catch {
    throw invalid(start, `expected UTF-8 in the name of ${what}, got other bytes`)
  }
}

/** Reads a name of core wasm. Throws WasmError `reserved` for one that belongs to metering. */
export const readCoreName = (reader: ByteReader, what: string, limit: number): string => {
  const at = reader.position
  const name = readName(reader, what, limit)
  if (isReservedName(name))
    throw new WasmError('reserved', at, `expected ${what} that does not start with \`cordon:meter\`, got \`${name}\``)
  return name
}

/** Each fragment matches one of the alternatives only: with two for bare digits, a name of many of them would be tried in 2^n ways. */
const label = /^(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[0-9]*[a-z][a-z0-9]*|[0-9]*[A-Z][A-Z0-9]*|[0-9]+))*$/
const lowerWords = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*'
const packageName = new RegExp(`^${lowerWords}:${lowerWords}/`)
const numeral = '(?:0|[1-9][0-9]*)'
const preRelease = `(?:${numeral}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
const version = new RegExp(
  `^${numeral}\\.${numeral}\\.${numeral}(?:-${preRelease}(?:\\.${preRelease})*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
)

/** Throws unless `text` is a label: kebab case in words of small letters or of capitals. */
export const checkLabel = (text: string, what: string, at: number): void => {
  if (!label.test(text)) throw invalid(at, `expected ${what} in kebab case such as \`get-item\`, got \`${text}\``)
}

/** True for `namespace:package/interface` with a version or none. */
const isInterfaceName = (text: string): boolean => {
  const start = packageName.exec(text)
  if (start === null) return false
  const rest = text.slice(start[0].length)
  const mark = rest.indexOf('@')
  return mark < 0 ? label.test(rest) : label.test(rest.slice(0, mark)) && version.test(rest.slice(mark + 1))
}

const parseAnnotated = (text: string, at: number): ExternName => {
  const close = text.indexOf(']')
  const annotation = text.slice(1, close)
  const rest = text.slice(close + 1)
  if (annotation.startsWith('async')) throw beyond(at, `an asynchronous function: \`${text}\``)
  if (annotation === 'constructor') {
    checkLabel(rest, 'the resource of a constructor', at)
    return { kind: 'constructor', text, resource: rest }
  }
  if (annotation !== 'method' && annotation !== 'static') {
    throw unsupported(at, `a name with an annotation of its own: \`${text}\``)
  }
  const dot = rest.indexOf('.')
  if (dot < 0) throw invalid(at, `expected \`[${annotation}]resource.name\`, got \`${text}\``)
  const resource = rest.slice(0, dot)
  const member = rest.slice(dot + 1)
  checkLabel(resource, `the resource of a ${annotation}`, at)
  checkLabel(member, `the name of a ${annotation}`, at)
  return { kind: annotation, text, resource, member }
}

/** Takes the name of an import or export apart. Throws WasmError. */
export const parseExternName = (text: string, at: number): ExternName => {
  if (text.startsWith('[')) return parseAnnotated(text, at)
  if (/^(?:un)?locked-dep=|^url=|^integrity=|^relative-url=/.test(text)) throw unsupported(at, `a dependency by address: \`${text}\``)
  if (!text.includes(':')) {
    checkLabel(text, 'a name', at)
    return { kind: 'label', text }
  }
  if (!isInterfaceName(text)) {
    throw invalid(at, `expected a name such as \`run\` or \`wasi:io/streams@0.2.12\`, got \`${text}\``)
  }
  return { kind: 'interface', text }
}

/** What two names of one scope may not have in common (Explainer.md, name uniqueness). */
export const uniquenessKey = (name: ExternName): string => {
  if (name.kind === 'constructor') return `[constructor]${name.resource.toLowerCase()}`
  if (name.kind === 'label' || name.kind === 'interface') return name.text.toLowerCase()
  const resource = name.resource.toLowerCase()
  const member = name.member.toLowerCase()
  return resource === member ? member : `${resource}.${member}`
}

/** Names of one scope, none of which may be strongly equal to another. */
export class UniqueNames {
  private readonly seen = new Map<string, string>()
  private readonly what: string

  constructor(what: string) {
    this.what = what
  }

  /** Throws when `text`, which is as good as `key`, was there before. */
  add(key: string, text: string, at: number): void {
    const before = this.seen.get(key)
    if (before !== undefined) throw invalid(at, `expected each ${this.what} once, got \`${text}\` after \`${before}\``)
    this.seen.set(key, text)
  }
}

/**
 * Reads the name of an import or export with its attributes (Binary.md, `nameattributes`). The attributes came after 0.2 and are refused.
 */
export const readExternName = (reader: ByteReader, what: string, limit: number): ExternName => {
  const at = reader.position
  const form = reader.byte(`the name of ${what}`)
  if (form > 2) throw invalid(at, `expected the name of ${what} (0 to 2), got 0x${form.toString(16)}`)
  const name = parseExternName(readName(reader, what, limit), at)
  if (form === 2) throw unsupported(at, `a name with attributes: \`${name.text}\``)
  return name
}
