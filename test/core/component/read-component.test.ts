import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { array, assert, constantFrom, integer, nat, oneof, property, record, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { ComponentPlan, CoreReference } from '#core/component/component-plan.ts'
import { readComponent } from '#core/component/read-component.ts'
import { commandComponent, worldComponent } from './real-components.ts'
import { refusalOf } from './read.ts'

const composition = `(component
  (import "host" (instance $host (export "r" (type $r (sub resource))) (export "f" (func (param "r" (borrow $r)) (param "s" string) (result (list u8))))))
  (component $c
    (import "host" (instance $host (export "r" (type $r (sub resource))) (export "f" (func (param "r" (borrow $r)) (param "s" string) (result (list u8))))))
    (core module $libc (memory (export "mem") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $host "f") (memory (core memory $libc "mem")) (realloc (core func $libc "realloc")) string-encoding=utf16))
    (core module $m (import "a" "f" (func (param i32 i32 i32 i32))) (func (export "run") (param i32) (result i64) unreachable) (func (export "end") (param i32)))
    (core instance $m (instantiate $m (with "a" (instance (export "f" (func $f))))))
    (type $own (resource (rep i32) (dtor (core func $m "end")))) (export $o "own" (type $own))
    (type $e (enum "x" "y")) (export $en "e" (type $e))
    (func $run (param "o" (own $o)) (result s64) (canon lift (core func $m "run"))) (export "[method]own.run" (func $run) (func (param "o" (own $o)) (result s64))))
  (instance $one (instantiate $c (with "host" (instance $host))))
  (export "one" (instance $one)))`.replace('[method]own.run', 'run')

/** Bytes of components that nothing is wrong with. */
const seeds = (): Promise<Uint8Array[]> => Promise.all([parse(composition), worldComponent(), commandComponent()])

/** Every index of a plan is one of something made before. */
const expectSound = (plan: ComponentPlan, bytes: Uint8Array): void => {
  for (const { offset, length } of plan.modules) expect(offset + length).toBeLessThanOrEqual(bytes.length)
  plan.instances.forEach((parent, nth) => expect(parent).toBeLessThan(nth))
  const expectMade = (reference: CoreReference | undefined, before: number): void => {
    if (reference?.from === 'step') expect(reference.step).toBeLessThan(before)
    else if (reference !== undefined) expect(reference.canon).toBeLessThan(plan.canons.length)
  }
  plan.steps.forEach((step, nth) => {
    expect(step.module).toBeLessThan(plan.modules.length)
    for (const { given } of step.imports) expectMade(given, nth)
  })
  for (const entry of plan.functions) {
    if (entry.from === 'import') expect(entry.import).toBeLessThan(plan.imports.length)
    else expectMade(entry.core, plan.steps.length)
  }
  for (const canon of plan.canons) {
    expect(canon.instance).toBeLessThan(plan.instances.length)
    if (canon.kind === 'lower') expect(canon.function).toBeLessThan(plan.functions.length)
    else expect(canon.resource).toBeLessThan(plan.resources.length)
  }
}

describe('components that tools make', () => {
  test('of a world with all of WASI are read', async () => {
    const bytes = await worldComponent()
    const plan = readComponent(bytes)
    expectSound(plan, bytes)
    expect(plan.imports.map(({ name }) => name)).toContain('wasi:http/types@0.2.12')
    expect(plan.exports.map(({ name }) => name).toSorted()).toEqual([
      'a:b/shapes',
      'go',
      'wasi:cli/run@0.2.12',
      'wasi:http/incoming-handler@0.2.12',
    ])
    const shape = plan.resources.filter(({ from }) => from === 'component')
    expect(shape).toHaveLength(1)
    const streams = plan.imports.find(({ name }) => name === 'wasi:io/streams@0.2.12')
    expect(streams?.resources.map(({ name }) => name)).toEqual(['input-stream', 'output-stream'])
  })

  test('of a command with its adapter are read', async () => {
    const bytes = await commandComponent()
    const plan = readComponent(bytes)
    expectSound(plan, bytes)
    expect(plan.modules.length).toBe(4)
    expect(plan.exports.map(({ name }) => name)).toEqual(['wasi:cli/run@0.2.12'])
  })
})

describe('hostile bytes', () => {
  const edit = record({ at: nat(), value: oneof(integer({ min: 0, max: 255 }), constantFrom(0, 1, 2, 0x40, 0x42, 0x7f, 0x80, 0xff)) })

  /** Which of the seeds: the first is small and is read fast. */
  const mostlySmall = constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1, 2)

  test('end in a plan that is sound or in a WasmError, whatever bytes are changed', async () => {
    const bases = await seeds()
    assert(
      property(mostlySmall, array(edit, { minLength: 1, maxLength: 6 }), (which, edits) => {
        const bytes = new Uint8Array(bases[which] ?? [])
        for (const { at, value } of edits) bytes[at % bytes.length] = value
        if (refusalOf(bytes) === undefined) expectSound(readComponent(bytes), bytes)
      }),
      { numRuns: 600 },
    )
  })

  test('so do bytes that are left out, doubled or moved', async () => {
    const bases = await seeds()
    assert(
      property(mostlySmall, nat(), nat(300), nat(), (which, from, length, to) => {
        const base = [...(bases[which] ?? [])]
        const cut = base.splice(from % base.length, length)
        base.splice(to % (base.length + 1), 0, ...(from % 2 === 0 ? cut : [...cut, ...cut]))
        const bytes = new Uint8Array(base)
        if (refusalOf(bytes) === undefined) expectSound(readComponent(bytes), bytes)
      }),
      { numRuns: 200 },
    )
  })

  test('and bytes that never were a component', () => {
    assert(
      property(uint8Array({ maxLength: 200 }), (tail) => {
        const bytes = new Uint8Array([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...tail])
        if (refusalOf(bytes) === undefined) expectSound(readComponent(bytes), bytes)
      }),
      { numRuns: 2000 },
    )
  })

  test('every cut of a component is refused or shorter by whole sections', async () => {
    const [bytes] = await seeds()
    const whole = bytes ?? new Uint8Array()
    for (let length = 0; length < whole.length; length++) {
      const part = whole.slice(0, length)
      if (refusalOf(part) === undefined) expectSound(readComponent(part), part)
    }
    expect(refusalOf(whole.slice(0, 7))?.code).toBe('malformed')
  })
})
