import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentEmbed, componentNew, parse, print } from '@bytecodealliance/jco-transpile/wasm-tools'
import { defaultComponentLimits } from '#core/component/component-limits.ts'
import { readModuleType } from '#core/component/core-module-type.ts'
import { readComponent } from '#core/component/read-component.ts'
import { Reading } from '#core/component/reading.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import { adapterPages, preview1Module } from '#host/ingest/program.ts'
import { patchFrame, replaceOnce } from './patch-frame.ts'

/** What `dist/vendor` holds for programs of WASI preview 1, by file name. */
export type Preview1Files = Readonly<
  Record<'command-adapter.wasm' | 'reactor-adapter.wasm' | 'command-frame.wasm' | 'bare-frame.wasm', Uint8Array>
>

const jcoEntry = fileURLToPath(import.meta.resolve('@bytecodealliance/jco'))
const lib = join(jcoEntry.slice(0, jcoEntry.lastIndexOf('/jco/') + '/jco/'.length), 'lib')
const wasiVersion = '0.2.12'

/** All WIT of WASI 0.2 as nested packages of one text, which the tools take without a file system. */
const wasiWit = async (): Promise<string> => {
  const folder = join(lib, 'wit', 'builtin', wasiVersion)
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name, 'package.wit'), 'utf8')))
  return ['package cordon:adapter;', ...texts.map((text) => `${text.replace(/^package ([^;]+);/m, 'package $1 {')}\n}`)].join('\n')
}

/** Error numbers of preview 1 (its `errno`). */
const errno = { notSocket: 57, notSupported: 58 } as const

/** Functions that trap in the standard adapter, and what they answer here: a program has no sockets and no signals, and may ask. */
const answers = {
  sock_accept: errno.notSocket,
  sock_recv: errno.notSocket,
  sock_send: errno.notSocket,
  proc_raise: errno.notSupported,
} as const

/**
 * The standard adapter with two changes. As it comes, its `proc_exit` tells the host only whether the code is 0, through `wasi:cli/exit#exit`; here it hands
 * the code to `exit-with-code`, whose type has to be in the world that is embedded in the adapter. And what it leaves out gives an error instead of a trap.
 */
const adapterOf = async (kind: 'command' | 'reactor', wit: string): Promise<Uint8Array> => {
  let text = await print(await readFile(join(lib, `wasi_snapshot_preview1.${kind}.wasm`)))
  text = replaceOnce(text, /\(import "wasi:cli\/exit@([0-9.]+)" "exit"/g, `(import "wasi:cli/exit@$1" "exit-with-code"`)
  text = replaceOnce(text, /local\.get 0\s+i32\.const 0\s+i32\.ne\s+(call \$\S*cli4exit4exit\n)/g, 'local.get 0\n$1')
  for (const [name, error] of Object.entries(answers)) {
    const trapping = new RegExp(`(\\(func \\$${name} [^\\n]*\\n)\\s+i32\\.const \\d+\\s+call \\$\\S*unreachable\\s+unreachable\\n`, 'g')
    text = replaceOnce(text, trapping, `$1i32.const ${error}\n`)
  }
  text = replaceOnce(text, /\(@custom "component-type:[^\n]*/g, '')
  const world = `wasi:cli/${kind === 'command' ? 'command' : 'imports'}@${wasiVersion}`
  return await componentEmbed({ binary: await parse(text), witSource: wit, world, stringEncoding: 'utf8' })
}

/** `(i32 i64) -> (i32)` as the text format has it. */
const textOfSignature = (signature: string): string => {
  const [params = '', results = ''] = signature.slice(1, -1).split(') -> (')
  return `(param ${params}) (result ${results})`
}

/** Exports of the adapter that are its own and not of preview 1. */
const isInternal = (name: string): boolean => /^(?:adapter_|cabi_|reset_|wasi:)/.test(name)

/** The functions of preview 1 by name, with their types as the text format has them. */
const functionsOf = (adapter: Uint8Array): ReadonlyMap<string, string> => {
  const { exports } = readModuleType(new ByteReader(adapter), new Reading(defaultComponentLimits, false))
  return new Map(
    [...exports].flatMap(([name, type]) => (type.kind === 'func' && !isInternal(name) ? [[name, textOfSignature(type.signature)]] : [])),
  )
}

/** A program that does nothing and imports all that preview 1 has: it holds the place of the one that comes. */
const placeholder = (functions: ReadonlyMap<string, string>): string => {
  const imports = [...functions].map(([name, type]) => `(import "${preview1Module}" "${name}" (func ${type}))`)
  return `(module ${imports.join('\n')} (memory (export "memory") ${adapterPages}) (func (export "_start")))`
}

/** What a command is put into: the placeholder joined with the adapter, which keeps to the end of the program's memory. */
const commandFrame = async (adapter: Uint8Array): Promise<Uint8Array> => {
  const functions = functionsOf(adapter)
  const frame = await componentNew(await parse(placeholder(functions)), [[preview1Module, adapter]])
  return await parse(patchFrame(await print(frame), [...functions.keys()]))
}

/** For a program that needs nothing of WASI, and so need not have a memory. */
const bareFrame = `(component
  (core module $main (func (export "_start")))
  (core module $run
    (import "main" "_start" (func $start))
    (func (export "run") (result i32) call $start i32.const 0))
  (core instance $program (instantiate $main))
  (core instance $runner (instantiate $run (with "main" (instance $program))))
  (func $lifted (result (result)) (canon lift (core func $runner "run")))
  (instance $command (export "run" (func $lifted)))
  (export "wasi:cli/run@${wasiVersion}" (instance $command)))`

/** Throws unless the placeholder is the first core module of the frame, where a program is put. */
const checkFrame = (frame: Uint8Array): Uint8Array => {
  const first = readComponent(frame).modules[0]
  if (first === undefined) throw new TypeError('expected core modules in a frame, got none')
  const { exports } = readModuleType(
    new ByteReader(frame, first.offset, first.offset + first.length),
    new Reading(defaultComponentLimits, false),
  )
  if (!exports.has('_start')) throw new TypeError('expected the program to be the first core module of a frame')
  return frame
}

/** Makes the adapters of preview 1, and the components that a command is put into, from what jco ships. Runs from a checkout only. */
export const makePreview1Files = async (): Promise<Preview1Files> => {
  const wit = await wasiWit()
  const command = await adapterOf('command', wit)
  return {
    'command-adapter.wasm': command,
    'reactor-adapter.wasm': await adapterOf('reactor', wit),
    'command-frame.wasm': checkFrame(await commandFrame(command)),
    'bare-frame.wasm': checkFrame(await parse(bareFrame)),
  }
}
