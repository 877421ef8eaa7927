import { isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml'
import { CordonError, type CordonErrorCode } from '#core/errors.ts'
import type { FieldPath } from '#core/policy/grants.ts'
import { neutralise } from '#core/policy/neutralise.ts'
import { readRegularFile } from './regular-file.ts'

/** Deeper than any document of ours; the parser recurses. */
const maxNesting = 64

/** A YAML document as plain data, with the way back to its lines. */
export interface YamlFile {
  readonly value: unknown
  /** `name:line` of a field, or of the nearest thing around it. */
  readonly locate: (path: FieldPath) => string
}

/** How a file is read and how its faults are told. */
export interface YamlSource {
  readonly code: CordonErrorCode
  /** The name people know it by. */
  readonly origin: string
  /** False for files of a bundle: a link there is its author's way to a file of the host. */
  readonly followLinks: boolean
  /** The most bytes it may have: the parser's time grows with it, so a bundle's author gets little. */
  readonly maxBytes: number
}

const invalid = ({ code, origin }: YamlSource, problem: string, hint: string): CordonError =>
  new CordonError(code, `${neutralise(origin)}: ${problem}`, { hint })

const openError = (source: YamlSource, error: unknown): CordonError => {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return invalid(source, 'expected a file, got nothing', 'check the path')
  if (errno === 'ELOOP') return invalid(source, 'expected a file, got a symbolic link', 'put the file itself there')
  return invalid(source, `expected a file that can be read, got ${errno}`, 'check its permissions')
}

/** Reads a regular file of bounded size as text. */
const readText = async (path: string, source: YamlSource): Promise<string> => {
  const bytes = await readRegularFile(path, source).catch((error: unknown) => {
    throw openError(source, error)
  })
  if (bytes === 'not-regular') throw invalid(source, 'expected a regular file, got something else', 'name a YAML file')
  if (bytes === 'too-large') throw invalid(source, `expected at most ${source.maxBytes / 1024} KiB, got more`, 'shorten the file')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(source, 'expected UTF-8 text, got other bytes', 'save it as UTF-8')
  }
}

/** Whether brackets nest deeper than any document of ours: looked at before the parser, which recurses into them. */
const nestsTooDeep = (text: string): boolean => {
  let depth = 0
  for (const character of text) {
    if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    if (depth > maxNesting) return true
  }
  return /^ *(?:[-?:] *){64}/m.test(text) || /^ {512}/m.test(text)
}

const parseDocuments = (text: string, source: YamlSource, lineCounter: LineCounter): Document.Parsed => {
  if (nestsTooDeep(text)) throw invalid(source, 'expected shallow nesting, got very deep nesting', 'nest less')
  const options = {
    strict: true,
    // Looked at below: the parser's own check takes time that grows with the square of the keys.
    uniqueKeys: false,
    stringKeys: true,
    merge: false,
    schema: 'core',
    logLevel: 'silent',
    prettyErrors: false,
    lineCounter,
  } as const
  try {
    const documents = parseAllDocuments(text, options)
    if (!Array.isArray(documents) || documents.length === 0) throw invalid(source, 'expected a document, got nothing', 'fill the file')
    const [first, second] = documents
    if (first === undefined || second !== undefined) throw invalid(source, 'expected one document, got several', 'remove `---`')
    return first
  } catch (error) {
    if (error instanceof CordonError) throw error
    throw invalid(source, 'expected YAML, got text that cannot be parsed', 'check the syntax')
  }
}

/** Where a map says one key twice; which of the two counts would differ from parser to parser. */
const doubledKey = (document: Document.Parsed): number | undefined => {
  let found: number | undefined
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key
        if (seen.has(name)) found ??= isScalar(key) ? (key.range?.[0] ?? 0) : 0
        seen.add(name)
      }
      return found === undefined ? undefined : visit.BREAK
    },
  })
  return found
}

/** The first thing that is not plain YAML, and where. */
const faultOf = (document: Document.Parsed): { readonly at: number; readonly text: string } | undefined => {
  const [fault] = [...document.errors, ...document.warnings]
  if (fault !== undefined) return { at: fault.pos[0], text: neutralise(fault.code.toLowerCase().replaceAll('_', ' ')) }
  let doubled: number | undefined
  try {
    doubled = doubledKey(document)
  } catch {
    return { at: 0, text: 'very deep nesting' }
  }
  return doubled === undefined ? undefined : { at: doubled, text: 'duplicate key' }
}

const lineOf = (document: Document.Parsed, path: FieldPath, lineCounter: LineCounter): number => {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
    if (Array.isArray(range) && typeof range[0] === 'number') return Math.max(1, lineCounter.linePos(range[0]).line)
  }
  return 1
}

/**
 * Reads one YAML 1.2 file into plain data, strictly: one document of bounded size in UTF-8, no duplicate keys, no tags, no anchors
 * or aliases. Throws CordonError with the source's code; the text of the file is never part of the message.
 */
export const readYaml = async (path: string, source: YamlSource): Promise<YamlFile> => {
  const lineCounter = new LineCounter()
  const document = parseDocuments(await readText(path, source), source, lineCounter)
  const fault = faultOf(document)
  if (fault !== undefined) {
    const { line, col } = lineCounter.linePos(fault.at)
    throw invalid(
      { ...source, origin: `${source.origin}:${line}:${col}` },
      `expected plain YAML, got a fault: ${fault.text}`,
      'correct the line',
    )
  }
  try {
    return {
      value: document.toJS({ maxAliasCount: 0 }) as unknown,
      locate: (field) => `${source.origin}:${lineOf(document, field, lineCounter)}`,
    }
  } catch {
    throw invalid(source, 'expected plain YAML, got anchors or aliases', 'write each value out')
  }
}
