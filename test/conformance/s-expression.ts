/** A piece of a script in the text format's syntax. `start` and `end` delimit it in the text (UTF-16 units); `line` counts from 1. */
export type Expression = ListExpression | AtomExpression | StringExpression

interface Piece {
  readonly start: number
  readonly end: number
  readonly line: number
}

export interface ListExpression extends Piece {
  readonly kind: 'list'
  readonly items: readonly Expression[]
}

/** A word, number, `$name`, or the `@name` that an annotation begins with. */
export interface AtomExpression extends Piece {
  readonly kind: 'atom'
  readonly text: string
}

export interface StringExpression extends Piece {
  readonly kind: 'string'
  readonly bytes: Uint8Array
}

/** The text is no sequence of s-expressions. */
export class ScriptError extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.name = 'ScriptError'
    this.line = line
  }
}

const escapes: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, r: 0x0d, '"': 0x22, "'": 0x27, '\\': 0x5c }
const space = /[\s]/
const endsAtom = /[\s()";]/

/** Reads with a stack of its own: scripts that nest deeply are part of what is tested. */
class Reader {
  readonly #text: string
  #at = 0
  #line = 1

  constructor(text: string) {
    this.#text = text
  }

  read(): readonly Expression[] {
    const top: Expression[] = []
    const open: { start: number; line: number; items: Expression[] }[] = []
    for (;;) {
      this.#skipBlank()
      const items = open.at(-1)?.items ?? top
      const start = this.#at
      const line = this.#line
      const next = this.#text[start]
      if (next === undefined) break
      if (next === '(') {
        this.#at++
        open.push({ start, line, items: [] })
      } else if (next === ')') {
        this.#at++
        const list = open.pop()
        if (list === undefined) throw new ScriptError(line, 'expected an opening parenthesis before this closing one')
        const into = open.at(-1)?.items ?? top
        into.push({ kind: 'list', start: list.start, end: this.#at, line: list.line, items: list.items })
      } else items.push(next === '"' ? this.#string() : this.#atom())
    }
    const unclosed = open.at(-1)
    if (unclosed !== undefined) throw new ScriptError(unclosed.line, 'expected a closing parenthesis, got the end')
    return top
  }

  #skipBlank(): void {
    for (;;) {
      const next = this.#text[this.#at]
      if (next === ';' && this.#text[this.#at + 1] === ';') this.#skipLine()
      else if (next === '(' && this.#text[this.#at + 1] === ';') this.#skipComment()
      else if (next !== undefined && space.test(next)) this.#advance()
      else return
    }
  }

  #advance(): void {
    if (this.#text[this.#at] === '\n') this.#line++
    this.#at++
  }

  #skipLine(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at++
  }

  #skipComment(): void {
    const line = this.#line
    let depth = 0
    do {
      const pair = this.#text.slice(this.#at, this.#at + 2)
      if (pair === '') throw new ScriptError(line, 'expected the end of a comment, got the end')
      if (pair === '(;' || pair === ';)') {
        depth += pair === '(;' ? 1 : -1
        this.#at += 2
      } else this.#advance()
    } while (depth > 0)
  }

  #atom(): AtomExpression {
    const start = this.#at
    while (this.#at < this.#text.length && !endsAtom.test(this.#text[this.#at] ?? ' ')) this.#at++
    if (this.#at === start) throw new ScriptError(this.#line, `expected a word, got ${JSON.stringify(this.#text[start])}`)
    return { kind: 'atom', start, end: this.#at, line: this.#line, text: this.#text.slice(start, this.#at) }
  }

  #string(): StringExpression {
    const start = this.#at
    const line = this.#line
    const bytes: number[] = []
    const encoder = new TextEncoder()
    this.#at++
    for (;;) {
      const next = this.#text.codePointAt(this.#at)
      if (next === undefined) throw new ScriptError(line, 'expected the end of a string, got the end')
      if (next === 0x22) break
      if (next === 0x5c) bytes.push(...this.#escape())
      else {
        const character = String.fromCodePoint(next)
        bytes.push(...encoder.encode(character))
        if (character === '\n') this.#line++
        this.#at += character.length
      }
    }
    this.#at++
    return { kind: 'string', start, end: this.#at, line, bytes: Uint8Array.from(bytes) }
  }

  #escape(): readonly number[] {
    const rest = this.#text.slice(this.#at + 1, this.#at + 16)
    const known = escapes[rest.slice(0, 1)]
    if (known !== undefined) {
      this.#at += 2
      return [known]
    }
    const [scalar, digits] = /^u\{([0-9a-fA-F_]+)\}/.exec(rest) ?? []
    if (scalar !== undefined && digits !== undefined) {
      this.#at += 1 + scalar.length
      return [...new TextEncoder().encode(String.fromCodePoint(Number.parseInt(digits.replaceAll('_', ''), 16)))]
    }
    const [byte] = /^[0-9a-fA-F]{2}/.exec(rest) ?? []
    if (byte === undefined) throw new ScriptError(this.#line, `expected an escape, got \\${rest.slice(0, 2)}`)
    this.#at += 3
    return [Number.parseInt(byte, 16)]
  }
}

/** Reads a script: its top-level expressions, comments left out, annotations as lists that begin with `@name`. Throws {@link ScriptError}. */
export const readExpressions = (text: string): readonly Expression[] => new Reader(text).read()
