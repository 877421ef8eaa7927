import { ByteWriter } from './byte-writer.ts'
import type { DecodedModule } from './decoded-module.ts'
import { bytesShift, fuel, mostChargeFuel } from './meter-costs.ts'
import type { CodeIndices, MeterIndices } from './meter-indices.ts'

/** The most that the memory and each table may grow to in the new module. */
export interface GrowthCaps {
  readonly memoryPages: number
  readonly tables: readonly number[]
}

/** A part of a function: writes itself. */
type Code = (out: ByteWriter) => void

const i32Type = 0x7f
const all =
  (...parts: readonly Code[]): Code =>
  (out) => {
    for (const part of parts) part(out)
  }
const op =
  (...bytes: readonly number[]): Code =>
  (out) =>
    out.raw(bytes)
const indexed =
  (opcode: number) =>
  (index: number): Code =>
  (out) => {
    out.byte(opcode)
    out.u32(index)
  }

const call = indexed(0x10)
const getLocal = indexed(0x20)
const setLocal = indexed(0x21)
const teeLocal = indexed(0x22)
const getGlobal = indexed(0x23)
const setGlobal = indexed(0x24)
const number =
  (value: number): Code =>
  (out) => {
    out.byte(0x41)
    out.s32(value)
  }
const unreachable = op(0x00)
const returns = op(0x0f)
const isZero = op(0x45)
const notEqual = op(0x47)
const lessSigned = op(0x48)
const greaterSigned = op(0x4a)
const greaterUnsigned = op(0x4b)
const add = op(0x6a)
const subtract = op(0x6b)
const multiply = op(0x6c)
const shiftRight = op(0x76)
const realPages = op(0x3f, 0x00)
const growReal = op(0x40, 0x00)
const end = op(0x0b)
const when = (...then: readonly Code[]): Code => all(op(0x04, 0x40), ...then, end)
const tableSize = (table: number): Code => all(op(0xfc, 16), (out) => out.u32(table))
const tableGrow = (table: number): Code => all(op(0xfc, 15), (out) => out.u32(table))

/** A whole body: its locals, its code and its end. */
const body =
  (locals: number, ...code: readonly Code[]): Code =>
  (out) => {
    if (locals === 0) out.byte(0)
    else out.raw([1, locals, i32Type])
    all(...code, end)(out)
  }

const ifSpent = (code: CodeIndices): Code => all(getGlobal(code.slice), number(0), lessSigned, when(call(code.helpers.slow)))

/** Takes what `amount` leaves on the stack from the slice, then checks. */
const charge = (code: CodeIndices, amount: Code): Code => all(getGlobal(code.slice), amount, subtract, setGlobal(code.slice), ifSpent(code))

/**
 * Asks for more fuel until the slice is no longer negative. The host may let the guest wait through `yield`; a negative
 * answer traps, which no guest can catch. No sum here overflows: a negative slice plus a positive i32.
 */
const slow = ({ imports, slice }: CodeIndices): Code =>
  body(
    1,
    op(0x03, 0x40),
    all(call(imports.refill), teeLocal(0), number(0), lessSigned, when(unreachable)),
    all(getLocal(0), isZero, when(call(imports.yield), op(0x0c, 1))),
    all(getGlobal(slice), getLocal(0), add, setGlobal(slice)),
    all(getGlobal(slice), number(0), lessSigned, op(0x0d, 0)),
    end,
  )

/** Charges for what is in `local`, which is used up: a part at a time, so that no charge is too large. */
const chargeInParts = (code: CodeIndices, local: number, { units, part }: Tariff): Code =>
  all(
    op(0x03, 0x40),
    all(getLocal(local), number(part), greaterUnsigned),
    when(charge(code, units(number(part))), all(getLocal(local), number(part), subtract, setLocal(local)), op(0x0c, 1)),
    end,
    charge(code, units(getLocal(local))),
  )

/** How a quantity is paid: the fuel of an amount, and the amount that one charge can take. */
interface Tariff {
  readonly units: (amount: Code) => Code
  readonly part: number
}
const perUnit = (cost: number): Tariff => ({ units: (amount) => all(amount, number(cost), multiply), part: mostChargeFuel / cost })
const byPages = perUnit(fuel.page)
const byElements = perUnit(fuel.element)
const byBytes: Tariff = { units: (amount) => all(amount, number(bytesShift), shiftRight), part: mostChargeFuel << bytesShift }

const amount = 0
const left = 1

const pay = (code: CodeIndices, tariff: Tariff): Code =>
  body(1, all(getLocal(amount), setLocal(left)), chargeInParts(code, left, tariff), getLocal(amount))

const refuse = all(number(-1), returns)
const delta = 0
const old = 1

/**
 * The new memory.grow. It pays before it does anything, and reads the size after paying, because other exports of this
 * instance may run while it waits for fuel. The real memory grows only where it is too small: after a reset in place it
 * is as large as the last guest left it.
 */
const growMemory = (code: CodeIndices, pages: number, cap: number): Code =>
  body(
    1,
    all(getLocal(delta), number(cap), greaterUnsigned, when(refuse)),
    all(getLocal(delta), setLocal(old)),
    chargeInParts(code, old, byPages),
    all(getGlobal(pages), setLocal(old)),
    all(getLocal(delta), isZero, when(getLocal(old), returns)),
    all(getLocal(delta), number(cap), getLocal(old), subtract, greaterUnsigned, when(refuse)),
    all(getLocal(delta), call(code.imports.growMemory), number(1), notEqual, when(refuse)),
    all(getLocal(old), getLocal(delta), add, realPages, greaterSigned),
    when(getLocal(old), getLocal(delta), add, realPages, subtract, growReal, number(-1), op(0x46), when(refuse)),
    all(getLocal(old), getLocal(delta), add, setGlobal(pages)),
    getLocal(old),
  )

const value = 0
const count = 1
const unpaid = 2

/** The new table.grow of one table; parameters are the reference and the number of elements. */
const growTable = (code: CodeIndices, table: number, cap: number): Code =>
  body(
    1,
    all(getLocal(count), number(cap), greaterUnsigned, when(refuse)),
    all(getLocal(count), setLocal(unpaid)),
    chargeInParts(code, unpaid, byElements),
    all(getLocal(count), number(cap), tableSize(table), subtract, greaterUnsigned, when(refuse)),
    all(getLocal(count), when(getLocal(count), call(code.imports.growTable), number(1), notEqual, when(refuse))),
    all(getLocal(value), getLocal(count), tableGrow(table)),
  )

/** A helper: its type and its body. */
export interface HelperFunction {
  readonly type: number
  readonly body: Uint8Array
}

const helper = (type: number, code: Code): HelperFunction => {
  const out = new ByteWriter(128)
  code(out)
  return { type, body: out.toBytes() }
}

/** The functions that are appended to a module, in the order of {@link MeterIndices}. */
export const helperFunctions = (module: DecodedModule, indices: MeterIndices, caps: GrowthCaps): HelperFunction[] => {
  const { code, memoryPages } = indices
  if (code === undefined) return []
  const functions = [
    helper(code.types.yield, slow(code)),
    helper(code.types.grow, pay(code, byBytes)),
    helper(code.types.grow, pay(code, byElements)),
  ]
  if (code.helpers.growMemory !== undefined && memoryPages !== undefined) {
    functions.push(helper(code.types.grow, growMemory(code, memoryPages, caps.memoryPages)))
  }
  for (const table of code.helpers.growTable.keys()) {
    const type = code.types.growTable.get(module.tables[table]?.type ?? 0) ?? 0
    functions.push(helper(type, growTable(code, table, caps.tables[table] ?? 0)))
  }
  return functions
}

/** A charge at one place, cut where its number goes. */
export interface ChargeTemplate {
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** Bytes from the branch instruction to the end. */
  readonly branchFromEnd: number
}

/** The bytes of charges in a module: `slice = slice - number; if (slice < 0) slow()`. */
export const chargeTemplate = (code: CodeIndices): ChargeTemplate => {
  const bytesOf = (part: Code): Uint8Array => helper(0, part).body
  return {
    before: bytesOf(all(getGlobal(code.slice), op(0x41))),
    after: bytesOf(all(subtract, setGlobal(code.slice), ifSpent(code))),
    branchFromEnd: bytesOf(when(call(code.helpers.slow))).length,
  }
}
