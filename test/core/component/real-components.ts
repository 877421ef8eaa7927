import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools'

const jcoEntry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))
const jcoLibrary = join(jcoEntry.slice(0, jcoEntry.lastIndexOf('/jco/') + '/jco/'.length), 'lib')

const nestedPackage = async (folder: string): Promise<string> => {
  const names = (await readdir(folder)).filter((each) => each.endsWith('.wit')).toSorted()
  const texts = await Promise.all(names.map((each) => readFile(join(folder, each), 'utf8')))
  const header = /^package\s+([a-z0-9:-]+@[0-9a-z.-]+);/m
  const id = texts.map((text) => header.exec(text)?.[1]).find((found) => found !== undefined)
  return `package ${id} {\n${texts.map((text) => text.replace(header, '')).join('\n')}\n}`
}

/** A component that imports and exports much of WASI 0.2.12, as `wasm-tools component new` makes it of a world. */
export const worldComponent = async (): Promise<Uint8Array> => {
  const wit = join(jcoLibrary, 'wit', 'builtin', '0.2.12')
  const folders = (await readdir(wit)).map((each) => join(wit, each))
  const packages = (await Promise.all(folders.map(nestedPackage))).join('\n')
  const world = `package a:b;
    interface shapes {
      resource shape { constructor(sides: u32); area: func() -> f64; merge: static func(one: shape, other: borrow<shape>) -> result<shape, string>; }
      variant figure { round(f32), square, named(string), many(list<tuple<u8, option<string>>>) }
      flags marks { bold, thin }
      draw: func(figures: list<figure>, marks: marks) -> option<shape>;
    }
    world all {
      import shapes;
      import wasi:http/outgoing-handler@0.2.12; import wasi:filesystem/preopens@0.2.12; import wasi:cli/terminal-stdout@0.2.12;
      export wasi:cli/run@0.2.12; export wasi:http/incoming-handler@0.2.12; export shapes;
      export go: func(shape: string) -> string;
    }\n${packages}`
  const core = await componentEmbed({ witSource: world, dummy: true, world: 'all', features: { tag: 'list', val: [] } })
  return componentNew(core, [])
}

/** A command: a core module of preview 1 with the adapter that every toolchain puts before it. */
export const commandComponent = async (): Promise<Uint8Array> => {
  const core = await parse(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (drop (call 0 (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))))`)
  const adapter = new Uint8Array(await readFile(join(jcoLibrary, 'wasi_snapshot_preview1.command.wasm')))
  return componentNew(core, [['wasi_snapshot_preview1', adapter]])
}
