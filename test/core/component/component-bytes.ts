/** Writes components byte by byte, for those that no tool would write. */

const leb = (value: number): number[] => {
  const out: number[] = []
  let left = value
  do {
    const low = left & 0x7f
    left >>>= 7
    out.push(left === 0 ? low : low | 0x80)
  } while (left !== 0)
  return out
}

/** An unsigned LEB128. */
export const u32 = leb

/** A name with its length. */
export const name = (text: string): number[] => {
  const bytes = [...new TextEncoder().encode(text)]
  return [...leb(bytes.length), ...bytes]
}

/** A vector of entries. */
export const vec = (entries: readonly (readonly number[])[]): number[] => [...leb(entries.length), ...entries.flat()]

/** A section. */
export const section = (id: number, content: readonly number[]): number[] => [id, ...leb(content.length), ...content]

/** A component of sections. */
export const component = (...sections: readonly (readonly number[])[]): Uint8Array =>
  new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, ...sections.flat()])

/** Ids of sections. */
export const ids = {
  custom: 0,
  module: 1,
  coreInstance: 2,
  coreType: 3,
  component: 4,
  instance: 5,
  alias: 6,
  type: 7,
  canon: 8,
  start: 9,
  import: 10,
  export: 11,
  value: 12,
} as const

/** A type section. */
export const types = (...entries: readonly (readonly number[])[]): number[] => section(ids.type, vec(entries))
