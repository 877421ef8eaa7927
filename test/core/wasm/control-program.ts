import { array, nat, type Arbitrary } from 'fast-check'

type Pick = (bound: number) => number

/** Where a statement stands: blocks around it (`$l0` and so on), loops around it, and how far it may still nest. */
interface Place {
  readonly labels: number
  readonly loops: number
  readonly size: number
}

type Maker = (place: Place, pick: Pick) => string

/** A step of 24 instructions that counts them. All else in these programs costs little, so that a path that is not paid for shows. */
const stepFuel = 24
const step = `${'(drop (i32.const 0))'.repeat(10)} (global.set $steps (i64.add (global.get $steps) (i64.const ${stepFuel})))`

const condition = (pick: Pick): string => `(i32.and (local.get 0) (i32.const ${1 << pick(6)}))`
const steps = (pick: Pick): string => Array.from({ length: pick(4) }, () => step).join(' ')
const leave = (place: Place, pick: Pick): string =>
  place.labels > 0 && pick(2) === 0 ? `(br $l${pick(place.labels)})` : pick(8) === 0 ? '(return)' : ''

const within = (place: Place, labels = 1): Place => ({ ...place, labels: place.labels + labels, size: place.size - 1 })

const makers: readonly Maker[] = [
  (place, pick) => `(if $l${place.labels} ${condition(pick)} (then ${body(within(place), pick)}))`,
  (place, pick) => `(if $l${place.labels} ${condition(pick)} (then ${body(within(place), pick)}) (else ${body(within(place), pick)}))`,
  (place, pick) => `(block $l${place.labels} ${body(within(place), pick)})`,
  (place, pick) => (place.labels === 0 ? step : `(br_if $l${pick(place.labels)} ${condition(pick)}) ${steps(pick)}`),
  (place, pick) => loop(place, pick),
  (place, pick) => cases(place, pick),
]

const body: Maker = (place, pick) => {
  const parts = Array.from({ length: 1 + pick(3) }, () => {
    const make = place.size <= 0 ? undefined : makers[pick(makers.length)]
    return `${steps(pick)} ${make?.(place, pick) ?? step}`
  })
  return `${parts.join(' ')} ${leave(place, pick)}`
}

const loop: Maker = (place, pick) => {
  if (place.loops >= 3) return step
  const counter = 1 + place.loops
  const again = place.labels
  return `(local.set ${counter} (i32.const 3)) (loop $l${again}
    (if (i32.eqz (local.get ${counter})) (then (return)))
    (local.set ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))
    ${body({ ...within(place), loops: place.loops + 1 }, pick)})`
}

const cases: Maker = (place, pick) => {
  const count = 2 + pick(4)
  const targets = Array.from({ length: 2 + pick(6) }, () => `$l${place.labels + pick(count)}`).join(' ')
  let text = `(br_table ${targets} (i32.and (local.get 0) (i32.const 7)))`
  for (let nth = count - 1; nth >= 0; nth--) {
    const after = nth === 0 ? '' : body(within(place, nth), pick)
    text = `(block $l${place.labels + nth} ${text}) ${after}`
  }
  return text
}

/** WAT of programs that are all branches: `run(bits)` takes a path by the bits of its argument and counts its steps in `steps`. */
export const controlProgram: Arbitrary<string> = array(nat({ max: 0xffffff }), { minLength: 20, maxLength: 400 }).map((choices) => {
  let at = 0
  const pick: Pick = (bound) => ((choices[at++ % choices.length] ?? 0) + at * 31) % bound
  return `(module (global $steps (export "steps") (mut i64) (i64.const 0))
    (func (export "run") (param i32) (local i32 i32 i32) ${body({ labels: 0, loops: 0, size: 4 }, pick)}))`
})
