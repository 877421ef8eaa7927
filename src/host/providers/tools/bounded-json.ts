/** How deep a tool's input may nest. */
const maxInputDepth = 64

/** Whether JSON text nests deeper than it may; strings are skipped. Linear, and never fails on malformed text. */
const isTooDeep = (json: string, maxDepth: number): boolean => {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at]
    if (inString) {
      if (character === '\\') at += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '[' || character === '{') depth += 1
    else if (character === ']' || character === '}') depth -= 1
    if (depth > maxDepth) return true
  }
  return false
}

/**
 * Parses JSON text that a guest chose. Throws SyntaxError for what is no JSON, nests deeper than `maxDepth` (whoever walks such a value
 * runs out of stack, `JSON.stringify` among them), or has a key `__proto__`: code that copies keys into an object would set the copy's
 * prototype by it.
 */
export const parseGuestText = (text: string, maxDepth: number): unknown => {
  if (isTooDeep(text, maxDepth)) throw new SyntaxError(`expected JSON of at most ${maxDepth} levels`)
  return JSON.parse(text, (key, value: unknown) => {
    if (key === '__proto__') throw new SyntaxError('expected no key `__proto__`')
    return value
  })
}

/** {@link parseGuestText} for the input of a tool. Throws SyntaxError for what is no UTF-8, too. */
export const parseGuestJson = (bytes: Uint8Array): unknown => {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SyntaxError('expected UTF-8')
  }
  return parseGuestText(text, maxInputDepth)
}
