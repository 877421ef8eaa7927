import type { Imports } from '#cell/link/linker.ts'

/** Imports as adapters make them: null-prototype, frozen. */
export const sealedImports = (interfaces: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Imports =>
  bare(Object.fromEntries(Object.entries(interfaces).map(([name, members]) => [name, bare(members)])))

const bare = <T extends object>(value: T): T => Object.freeze(Object.assign(Object.create(null) as T, value))
