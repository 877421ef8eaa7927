import { array, integer, nat, tuple, type Arbitrary } from 'fast-check'

/** What a generated expression or statement may use where it stands. */
interface Scope {
  readonly functions: number
  /** Index of the function it stands in: it calls only later ones, so that programs end. */
  readonly self: number
  /** Blocks without results around it: `$l0` and so on. The outermost one is always there. */
  readonly labels: number
  readonly loops: number
  readonly size: number
}

type Pick = (bound: number) => number

const locals = 4
const globals = 3
/** Counts statements that ran; each tick is four instructions, so fuel can never be below four times the ticks. */
const tick = '(global.set $ticks (i64.add (global.get $ticks) (i64.const 1)))'

const smaller = (scope: Scope, by = 1): Scope => ({ ...scope, size: scope.size - by })

const binary = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'rotl', 'lt_s', 'gt_u', 'eq', 'div_s', 'rem_u']

const leaves: readonly ((pick: Pick) => string)[] = [
  (pick) => `(i32.const ${pick(200) - 100})`,
  (pick) => `(local.get ${pick(locals)})`,
  (pick) => `(global.get ${pick(globals)})`,
  () => '(memory.size)',
  () => '(table.size $t)',
]

type Maker = (scope: Scope, pick: Pick) => string

const expressions: readonly Maker[] = [
  (scope, pick) => `(i32.${binary[pick(binary.length)]} ${expression(smaller(scope), pick)} ${expression(smaller(scope), pick)})`,
  (scope, pick) => `(i32.load offset=${pick(64)} (i32.and (i32.const 65535) ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(i32.wrap_i64 (i64.extend_i32_s ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(i32.trunc_sat_f64_s (f64.convert_i32_s ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(select ${expression(smaller(scope), pick)} ${expression(smaller(scope), pick)} ${expression(smaller(scope), pick)})`,
  (scope, pick) =>
    `(if (result i32) ${expression(smaller(scope), pick)} (then ${expression(smaller(scope), pick)}) (else ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(block (result i32) ${statement(smaller(scope), pick)} ${expression(smaller(scope), pick)})`,
  (scope, pick) => `(memory.grow (i32.and (i32.const 3) ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(table.grow $t (ref.null func) (i32.and (i32.const 3) ${expression(smaller(scope), pick)}))`,
  (scope, pick) => `(i8x16.extract_lane_s 3 (i8x16.splat ${expression(smaller(scope), pick)}))`,
  (scope, pick) => call(scope, pick),
  (scope, pick) =>
    `(call_indirect $t (type $f) ${expression(smaller(scope), pick)} (i32.add (i32.const ${later(scope)}) (i32.rem_u ${expression(smaller(scope), pick)} (i32.const ${Math.max(1, scope.functions - later(scope))}))))`,
]

const later = (scope: Scope): number => scope.self + 1

const call: Maker = (scope, pick) =>
  later(scope) >= scope.functions || scope.loops > 1
    ? expression(smaller(scope), pick)
    : `(call $f${later(scope) + pick(scope.functions - later(scope))} ${expression(smaller(scope), pick)})`

const expression: Maker = (scope, pick) => {
  const makers =
    scope.size <= 0
      ? leaves.map(
          (make): Maker =>
            (_, from) =>
              make(from),
        )
      : expressions
  return makers[pick(makers.length)]?.(scope, pick) ?? '(i32.const 0)'
}

/** One block further in: one more label to branch to. */
const inner = (scope: Scope): Scope => ({ ...scope, size: scope.size - 1, labels: scope.labels + 1 })

const statements: readonly Maker[] = [
  (scope, pick) => `(local.set ${pick(locals)} ${expression(smaller(scope), pick)})`,
  (scope, pick) => `(global.set ${pick(globals)} ${expression(smaller(scope), pick)})`,
  (scope, pick) => `(i32.store16 (i32.and (i32.const 65534) ${expression(smaller(scope), pick)}) ${expression(smaller(scope), pick)})`,
  (scope, pick) => `(if $l${scope.labels} ${expression(smaller(scope), pick)} (then ${body(inner(scope), pick)}))`,
  (scope, pick) =>
    `(if $l${scope.labels} ${expression(smaller(scope), pick)} (then ${body(inner(scope), pick)}) (else ${body(inner(scope), pick)}))`,
  (scope, pick) =>
    `(block $l${scope.labels} ${body(inner(scope), pick)} (br_if $l${pick(scope.labels + 1)} ${expression(smaller(scope), pick)}) ${body(inner(scope), pick)})`,
  (scope, pick) => loop(scope, pick),
  (scope, pick) => loop(scope, pick),
  (scope, pick) => cases(scope, pick),
  (scope, pick) => `(memory.fill (i32.and (i32.const 65535) ${expression(smaller(scope), pick)}) (i32.const 7) (i32.const ${pick(3000)}))`,
  (scope, pick) =>
    `(memory.copy (i32.const ${pick(60000)}) (i32.const ${pick(60000)}) (i32.and (i32.const 4095) ${expression(smaller(scope), pick)}))`,
  (_, pick) => `(memory.init $d (i32.const ${pick(60000)}) (i32.const 0) (i32.const ${pick(9)}))`,
  (scope, pick) => `(table.set $t (i32.const ${scope.functions + 1}) (ref.func $f${pick(scope.functions)}))`,
  (scope, pick) => (scope.labels > 0 && pick(4) === 0 ? `(br $l${pick(scope.labels)})` : `(drop ${expression(smaller(scope), pick)})`),
  (_, pick) => (pick(8) === 0 ? '(unreachable)' : '(nop)'),
  (scope, pick) => (pick(3) === 0 ? `(return ${expression(smaller(scope), pick)})` : tick),
  (scope, pick) =>
    pick(3) === 0 && later(scope) < scope.functions ? `(return_call $f${later(scope)} ${expression(smaller(scope), pick)})` : tick,
]

const statement: Maker = (scope, pick) => (scope.size <= 0 ? tick : `${tick}\n${statements[pick(statements.length)]?.(scope, pick) ?? ''}`)

const body: Maker = (scope, pick) => Array.from({ length: 1 + pick(3) }, () => statement(scope, pick)).join('\n')

/** A loop that runs at most a few times, with a counter of its own: local 4 and on. */
const loop: Maker = (scope, pick) => {
  if (scope.loops >= 3) return tick
  const counter = locals + scope.loops
  const [out, again] = [scope.labels, scope.labels + 1]
  return `(local.set ${counter} (i32.const ${1 + pick(4)})) (block $l${out} (loop $l${again}
    (br_if $l${out} (i32.eqz (local.get ${counter})))
    (local.set ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))
    ${body({ ...smaller(scope), loops: scope.loops + 1, labels: scope.labels + 2 }, pick)}
    (br $l${again})))`
}

/** A switch of the shape compilers make, with cases that fall into each other, leave, or jump on. */
const cases: Maker = (scope, pick) => {
  const count = 2 + pick(4)
  const label = (nth: number): string => `$l${scope.labels + nth}`
  const targets = Array.from({ length: 2 + pick(6) }, () => label(pick(count))).join(' ')
  let text = `(br_table ${targets} ${expression({ ...smaller(scope), labels: scope.labels + count }, pick)})`
  for (let nth = count - 1; nth >= 0; nth--) {
    const leaves = pick(2) === 0 ? `(br $l${pick(scope.labels + nth)})` : ''
    const after = nth === 0 ? '' : `${body({ ...smaller(scope, 2), labels: scope.labels + nth }, pick)} ${leaves}`
    text = `(block ${label(nth)} ${text}) ${after}`
  }
  return text
}

const program = (functions: number, size: number, pick: Pick): string => {
  const parts = Array.from({ length: functions }, (_, self) => {
    const scope: Scope = { functions, self, labels: 1, loops: 0, size }
    return `(func $f${self} (export "f${self}") (type $f) (local ${'i32 '.repeat(locals + 3 - 1)})
      ${`${tick}\n`.repeat(6)} (block $l0 ${body(scope, pick)}) ${expression({ ...scope, labels: 0 }, pick)})`
  })
  return `(module
    (type $f (func (param i32) (result i32)))
    (import "env" "note" (func $note (param i32)))
    (memory (export "memory") 1 4)
    (table $t (export "table") ${functions + 2} ${functions + 6} funcref)
    (global $g0 (export "g0") (mut i32) (i32.const 1)) (global $g1 (export "g1") (mut i32) (i32.const 2))
    (global $g2 (export "g2") (mut i32) (i32.const 3)) (global $ticks (export "ticks") (mut i64) (i64.const 0))
    (elem (table $t) (i32.const 0) func ${Array.from({ length: functions }, (_, nth) => `$f${nth}`).join(' ')})
    (data $d "\\01\\02\\03\\04\\05\\06\\07\\08")
    (data (i32.const 100) "hello")
    (func $begin (call $note (i32.const 42)) (global.set $g0 (i32.const 9)))
    (start $begin)
    ${parts.join('\n')})`
}

/** WAT of valid modules that end by themselves and use memory, tables, globals, calls, loops, switches and bulk instructions. */
export const randomProgram: Arbitrary<string> = tuple(
  integer({ min: 1, max: 4 }),
  integer({ min: 1, max: 5 }),
  array(nat({ max: 0xffffff }), { minLength: 40, maxLength: 400 }),
).map(([functions, size, choices]) => {
  let at = 0
  let turn = 0
  const pick: Pick = (bound) => {
    if (at >= choices.length) turn++
    const choice = (choices[at++ % choices.length] ?? 0) + turn * 7919
    return choice % bound
  }
  return program(functions, size, pick)
})
