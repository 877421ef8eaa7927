/** JSON nested deeper than this is refused before it is parsed. */
const maxDepth = 64

/** Whether JSON text nests deeper than it may; strings are skipped. Linear, and never fails on malformed text. */
const isTooDeep = (json: string): boolean => {
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
 * Parses a guest's JSON. Throws SyntaxError for what is no UTF-8, no JSON, too deep, or has a key `__proto__`: code that
 * copies keys into an object would set the copy's prototype by it.
 */
export const parseGuestJson = (bytes: Uint8Array): unknown => {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SyntaxError('expected UTF-8')
  }
  if (isTooDeep(text)) throw new SyntaxError(`expected JSON of at most ${maxDepth} levels`)
  return JSON.parse(text, (key, value: unknown) => {
    if (key === '__proto__') throw new SyntaxError('expected no key `__proto__`')
    return value
  })
}
