import { httpFault } from './errors.ts'
import type { Headers } from './request-head.ts'
import type { GuestFault } from '#host/broker/provider.ts'
import { type Cursor, LineReader } from './line-reader.ts'

/** How much of a header or trailer section is taken. */
export interface SectionLimits {
  readonly part: 'header' | 'trailer'
  /** Bytes of all lines. */
  readonly sectionBytes: number
  /** Bytes of one line. */
  readonly fieldBytes: number
  /** Fields in number. */
  readonly fields: number
}

/** RFC 9112 section 5: a token, a colon at once, a value without control characters. */
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t'

/** Without the white space around it, which means nothing. In steps: an expression would try each run of it from each of its characters. */
export const withoutBlanks = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start += 1
  while (end > start && isBlank(text[end - 1])) end -= 1
  return text.slice(start, end)
}

/** The lines of a header or trailer section, as they come. What RFC 9112 lets a reader repair (folded lines, bare line feeds) is refused. */
export class FieldSection {
  readonly #limits: SectionLimits
  readonly #reader = new LineReader()
  readonly #fields: (readonly [string, string])[] = []
  #bytes = 0

  constructor(limits: SectionLimits) {
    this.#limits = limits
  }

  /** Reads one line; the whole section when that line ended it. Throws GuestFault. */
  take(cursor: Cursor): Headers | undefined {
    const { sectionBytes, fieldBytes, fields } = this.#limits
    const line = this.#reader.take(cursor, fieldBytes)
    if (line === undefined) return undefined
    if (typeof line !== 'string') throw line.broken === 'bare' ? malformed() : this.#tooLarge(line.beginning)
    if (line === '') return this.#fields
    this.#bytes += line.length + 2
    if (this.#bytes > sectionBytes || this.#fields.length >= fields) {
      throw httpFault(`HTTP-response-${this.#limits.part}-section-size`, `more than ${sectionBytes} bytes or ${fields} fields`)
    }
    const match = fieldLine.exec(line)
    if (match === null) throw malformed()
    this.#fields.push([match[1] ?? '', withoutBlanks(match[2] ?? '')])
    return undefined
  }

  #tooLarge(beginning: string): GuestFault {
    const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}(?=:)/.exec(beginning)?.[0]
    return httpFault(`HTTP-response-${this.#limits.part}-size`, `more than ${this.#limits.fieldBytes} bytes`, name)
  }
}

const malformed = (): GuestFault => httpFault('HTTP-protocol-error', 'a field line is malformed')
