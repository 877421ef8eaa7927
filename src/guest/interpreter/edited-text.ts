interface Edit {
  readonly at: number
  /** Characters of the original that go. */
  readonly removed: number
  readonly text: string
}

/** A place in text: 1-based line and column. */
export interface Place {
  readonly line: number
  readonly column: number
}

/**
 * A text with insertions and replacements that never add or remove a line, and the way back from a place in the result
 * to the place in the original.
 */
export class EditedText {
  readonly #original: string
  #edits: Edit[] = []

  constructor(original: string) {
    this.#original = original
  }

  /** Puts `text` before the character at `at`; of several at one place the first comes first. */
  insert(at: number, text: string): void {
    this.#edits.push({ at, removed: 0, text })
  }

  /** Replaces `start` to `end` (exclusive); newlines in what is replaced stay. */
  replace(start: number, end: number, text: string): void {
    const kept = this.#original.slice(start, end).replaceAll(/[^\n\r\u2028\u2029]/g, '')
    this.#edits.push({ at: start, removed: end - start, text: text + kept })
  }

  #sorted(): readonly Edit[] {
    return this.#edits.toSorted((a, b) => a.at - b.at)
  }

  toString(): string {
    let text = ''
    let from = 0
    for (const { at, removed, text: inserted } of this.#sorted()) {
      text += this.#original.slice(from, at) + inserted
      from = at + removed
    }
    return text + this.#original.slice(from)
  }

  /** Where in the original a place in the result comes from. */
  originalPlace({ line, column }: Place): Place {
    const lineStarts = [0, ...Array.from(this.toString().matchAll(/\r\n|[\n\r\u2028\u2029]/g), (end) => end.index + end[0].length)]
    const offset = this.#originalOffset((lineStarts[line - 1] ?? 0) + column - 1)
    const start = Math.max(...['\n', '\r', '\u2028', '\u2029'].map((end) => this.#original.lastIndexOf(end, offset - 1))) + 1
    return { line, column: offset - start + 1 }
  }

  #originalOffset(offset: number): number {
    let shift = 0
    for (const { at, removed, text } of this.#sorted()) {
      const start = at + shift
      if (offset < start) break
      if (offset < start + text.length) return at
      shift += text.length - removed
    }
    return Math.min(offset - shift, this.#original.length)
  }
}
