/** A section of a component: its bytes, or what a nested component is made of. */
export interface Section {
  id: number
  body: Uint8Array | Section[]
}

const componentSection = 4
const preamble = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00)

/** Unsigned LEB128 at `at`: its value and where it ends; undefined when there is none of at most five bytes. */
export const lebAt = (bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined => {
  let value = 0
  for (let nth = 0; nth < 5; nth++) {
    const byte = bytes[at + nth]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * nth)
    if (byte < 0x80) return { value, end: at + nth + 1 }
  }
  return undefined
}

/** Unsigned LEB128 of `value`, below 2^35. */
export const leb = (value: number): Uint8Array => {
  const bytes: number[] = []
  let left = value
  do {
    const low = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? low + 128 : low)
  } while (left > 0)
  return Uint8Array.from(bytes)
}

/** Bytes put together. */
export const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Takes a well-formed component apart. Throws RangeError for anything else. */
export const treeOf = (component: Uint8Array): Section[] => {
  const sections: Section[] = []
  let at = preamble.length
  while (at < component.length) {
    const id = component[at] ?? 0
    const size = lebAt(component, at + 1)
    if (size === undefined || size.end + size.value > component.length) throw new RangeError('expected a well-formed component')
    const body = component.subarray(size.end, size.end + size.value)
    sections.push({ id, body: id === componentSection ? treeOf(body) : body })
    at = size.end + size.value
  }
  return sections
}

/** Puts sections together, with sizes that are right. */
export const bytesOf = (sections: readonly Section[]): Uint8Array =>
  joined([
    preamble,
    ...sections.flatMap(({ id, body }) => {
      const bytes = body instanceof Uint8Array ? body : bytesOf(body)
      return [Uint8Array.of(id), leb(bytes.length), bytes]
    }),
  ])

/** A copy that may be changed. */
export const copyOf = (sections: readonly Section[]): Section[] =>
  sections.map(({ id, body }) => ({ id, body: body instanceof Uint8Array ? body : copyOf(body) }))
