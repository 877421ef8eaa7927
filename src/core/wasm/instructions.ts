/**
 * What follows each opcode. Most instructions have no immediate, a local index, a memory argument or an i32; those
 * have a form, all others a handler in `body-instructions.ts`.
 */
export const form = { handler: 0, plain: 1, local: 2, memory: 3, i32: 4 } as const

const fill = (forms: Uint8Array, [first, last]: readonly [number, number], value: number): void => {
  forms.fill(value, first, last + 1)
}

/** The form of each one-byte opcode (core spec 5.4). */
export const forms: Uint8Array = (() => {
  const table = new Uint8Array(256)
  fill(table, [0x1a, 0x1b], form.plain)
  fill(table, [0x20, 0x22], form.local)
  fill(table, [0x28, 0x3e], form.memory)
  table[0x41] = form.i32
  fill(table, [0x45, 0xc4], form.plain)
  return table
})()

/** Opcodes that exist and that we refuse, with the feature they belong to. */
export const refusedOpcodes: Readonly<Record<number, string>> = {
  0x06: 'exceptions',
  0x07: 'exceptions',
  0x08: 'exceptions',
  0x09: 'exceptions',
  0x0a: 'exceptions',
  0x14: 'typed function references',
  0x15: 'typed function references',
  0x18: 'exceptions',
  0x19: 'exceptions',
  0x1f: 'exceptions',
  0xd3: 'garbage-collected types',
  0xd4: 'typed function references',
  0xd5: 'typed function references',
  0xd6: 'typed function references',
  0xe0: 'stack switching',
  0xe1: 'stack switching',
  0xe2: 'stack switching',
  0xe3: 'stack switching',
  0xe4: 'stack switching',
  0xe5: 'stack switching',
  0xe6: 'stack switching',
  0xfb: 'garbage-collected types',
  0xfe: 'threads and atomics',
}

/** What follows a vector instruction (0xfd, then a number below 256). */
export const vectorForm = { undefined: 0, plain: 1, memory: 2, memoryLane: 3, lane: 4, bytes16: 5 } as const

/** Numbers below 256 that no vector instruction has (core spec 5.4.10). */
const vectorHoles = [0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee]

/** The form of each vector instruction that is not relaxed. */
export const vectorForms: Uint8Array = (() => {
  const table = new Uint8Array(256).fill(vectorForm.plain)
  fill(table, [0x00, 0x0b], vectorForm.memory)
  fill(table, [0x0c, 0x0d], vectorForm.bytes16)
  fill(table, [0x15, 0x22], vectorForm.lane)
  fill(table, [0x54, 0x5b], vectorForm.memoryLane)
  fill(table, [0x5c, 0x5d], vectorForm.memory)
  for (const hole of vectorHoles) table[hole] = vectorForm.undefined
  return table
})()
