import { isReservedName } from './meter-names.ts'
import { WasmError } from './wasm-error.ts'

/**
 * Letters, digits and the marks that real toolchains put into core names (`[method]output-stream.write`, `$root`,
 * `wasi:io/streams@0.2.12`, `cordon:agent/run#run`, `GOT.mem`, `cm32p2|_initialize`, Rust's and C++'s mangled names). No quote,
 * backslash, backtick, bracket but the square, space or control character: a component's author chooses these names freely, and the
 * transpiler writes them into JavaScript as they are.
 */
const safeCoreName = /^[A-Za-z0-9_\-:/@.#$[\]+=~,|]*$/

/** Import fields of the modules that the transpiler makes where components call each other: `mem1 MemorySize`, `utf8-to-utf8 (mem1 => mem0)`. */
const transpilersName = /^(?:mem\d{1,6} [A-Za-z0-9]+|[a-z0-9-]+ \(mem\d{1,6} => mem\d{1,6}\))$/

/** Throws {@link WasmError} unless `name` may stand in generated code as an import module, import field or export of a core module. */
export const checkCoreName = (name: string, what: string, offset: number): void => {
  if (!safeCoreName.test(name) && !transpilersName.test(name)) {
    throw new WasmError('name', offset, `expected ${what} of letters, digits and -_:/@.#$[]+=~,| only, got \`${name}\``)
  }
  if (name === '__proto__') throw new WasmError('name', offset, `expected ${what} that is no JavaScript internal, got \`__proto__\``)
}

/** Throws {@link WasmError} `reserved` for a name that belongs to metering. */
export const checkUnreserved = (name: string, what: string, offset: number): void => {
  if (isReservedName(name))
    throw new WasmError('reserved', offset, `expected ${what} that does not start with \`cordon:meter\`, got \`${name}\``)
}

/** What breaks generated JavaScript, or makes an object a promise, when it is the name of an export. */
const refusedExports = new Set(['then', 'arguments', 'eval', '__proto__', 'constructor', 'prototype'])

/** The names that generated code makes of a component export: the whole, the interface after `/`, the method after `.`. */
const spokenNames = (name: string): string[] => {
  const unversioned = name.replace(/@.*$/, '').replace(/^\[[a-z -]*\]/, '')
  return [name, unversioned, ...unversioned.split(/[/.]/)].map((part) => part.toLowerCase())
}

/** Throws {@link WasmError} `name` for a component-level export that generated JavaScript cannot carry. Words of capitals count as well: they are lowered. */
export const checkExportName = (name: string, offset: number): void => {
  const refused = spokenNames(name).find((part) => refusedExports.has(part))
  if (refused !== undefined) {
    throw new WasmError(
      'name',
      offset,
      `expected an export that JavaScript can carry, got \`${name}\`: \`${refused}\` is refused, rename it in the WIT`,
    )
  }
}

/** Component-level names are kebab words, versions and annotations; `locked-dep=<…>` and URLs are refused with the rest. */
const safeComponentName = /^(?:\[[a-z -]+\])?[A-Za-z0-9][A-Za-z0-9\-:/@.+]*$/

/** Throws {@link WasmError} `name` for a component-level import or export that is not of the plain alphabet. */
export const checkComponentName = (name: string, what: string, offset: number): void => {
  if (!safeComponentName.test(name)) {
    throw new WasmError('name', offset, `expected ${what} such as \`run\` or \`wasi:io/streams@0.2.12\`, got \`${name}\``)
  }
}
