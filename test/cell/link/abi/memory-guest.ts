import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { checkRange } from '#cell/link/abi/abi-type.ts'
import type { CallScope } from '#cell/link/abi/compiled-type.ts'
import { BorrowScope, HandleTable, LendScope } from '#cell/link/abi/handle-table.ts'
import { LiftingMeter } from '#cell/link/abi/lifting-meter.ts'
import { engine } from '#cell/link/engine.ts'

/** A guest with four pages, an allocator that never frees, and functions that show the bits of floats. */
const text = `(module
  (memory (export "memory") 4)
  (global $next (mut i32) (i32.const 1024))
  (func (export "realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (br_if $enough (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
      (br_if $enough (i32.ne (i32.const -1) (memory.grow (i32.const 16))))
      unreachable)
    (local.get $at))
  (func (export "f32-bits") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "f64-bits") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "f32-of") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "f64-of") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0))))`

interface GuestExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly realloc: (old: number, oldSize: number, align: number, newSize: number) => number
  readonly 'f32-bits': (value: number) => number
  readonly 'f64-bits': (value: number) => bigint
  readonly 'f32-of': (bits: number) => number
  readonly 'f64-of': (bits: bigint) => number
}

const module = await engine.compile(await parse(text))

/** One side of a call into a real instance, with a meter and a handle table of its own. */
export class MemoryGuest implements CallScope {
  readonly encoding: CallScope['encoding']
  readonly exports: GuestExports
  readonly meter: LiftingMeter
  readonly handles = new HandleTable()
  readonly borrows = new BorrowScope()
  readonly lends = new LendScope()
  /** Arguments of each call of `realloc`. */
  readonly reallocs: (readonly number[])[] = []

  constructor(encoding: CallScope['encoding'] = 'utf8', meter = new LiftingMeter()) {
    this.encoding = encoding
    this.meter = meter
    // The module is the one above.
    this.exports = new engine.Instance(module, {}).exports as unknown as GuestExports
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer)
  }

  view(): DataView {
    return new DataView(this.exports.memory.buffer)
  }

  realloc(old: number, oldSize: number, align: number, newSize: number): number {
    this.reallocs.push([old, oldSize, align, newSize])
    const at = this.exports.realloc(old, oldSize, align, newSize) >>> 0
    checkRange(this, at, align, newSize)
    return at
  }

  liftOwn(resource: number, handle: number): unknown {
    return this.handles.takeOwn(resource, handle)
  }

  liftBorrow(resource: number, handle: number): unknown {
    return this.handles.lend(resource, handle, this.lends)
  }

  lowerOwn(resource: number, value: unknown): number {
    return this.handles.addOwn(resource, value)
  }

  lowerBorrow(resource: number, value: unknown): number {
    return this.handles.addBorrow(resource, value, this.borrows)
  }

  charge(elements: number, bytes: number): void {
    this.meter.charge(elements, bytes)
  }

  /** Puts bytes into memory. */
  write(at: number, bytes: Uint8Array | readonly number[]): void {
    this.bytes().set(bytes, at)
  }

  /** Puts 32-bit numbers into memory. */
  write32(at: number, ...words: readonly number[]): void {
    for (const [index, word] of words.entries()) this.view().setUint32(at + 4 * index, word, true)
  }
}
