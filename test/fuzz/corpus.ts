import { readdir, readFile } from 'node:fs/promises'
import * as fc from 'fast-check'
import { exchanges, valueTypes } from '../differential/arbitrary-signature.ts'
import { passingComponent, type Encoding } from '../differential/component-text.ts'
import { assemble } from '../differential/contenders.ts'
import { rawComponent } from '../differential/raw-component.ts'

const chains: readonly (readonly Encoding[])[] = [
  ['utf8'],
  ['utf16'],
  ['latin1+utf16'],
  ['utf8', 'utf16'],
  ['latin1+utf16', 'utf8', 'utf16'],
]

/** A component that defines a resource, gives it away, takes it back and borrows it, and one that uses a resource of its host. */
const withResources = [
  `(component
    (import "test:res/host" (instance $host
      (export "thing" (type $thing (sub resource)))
      (export "[constructor]thing" (func (param "x" u32) (result (own $thing))))
      (export "[method]thing.get" (func (param "self" (borrow $thing)) (result u32)))
      (export "[static]thing.join" (func (param "a" (own $thing)) (param "b" (borrow $thing)) (result (own $thing))))))
    (alias export $host "thing" (type $thing))
    (core func $new (canon lower (func $host "[constructor]thing")))
    (core func $get (canon lower (func $host "[method]thing.get")))
    (core func $join (canon lower (func $host "[static]thing.join")))
    (core func $drop (canon resource.drop $thing))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      (import "" "join" (func $join (param i32 i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "f") (param i32) (result i32) (local i32 i32)
        (local.set 1 (call $new (local.get 0)))
        (local.set 2 (call $join (call $new (i32.const 2)) (local.get 1)))
        (call $get (local.get 1)) (call $drop (local.get 1)) (call $drop (local.get 2)))
      (func (export "g") (param i32) (result i32) (call $join (local.get 0) (call $new (i32.const 1)))))
    (core instance $m (instantiate $m (with "" (instance
      (export "new" (func $new)) (export "get" (func $get)) (export "join" (func $join)) (export "drop" (func $drop))))))
    (func $f (param "x" u32) (result u32) (canon lift (core func $m "f")))
    (func $g (param "x" (own $thing)) (result (own $thing)) (canon lift (core func $m "g")))
    (export "f" (func $f)) (export "g" (func $g)))`,
  `(component
    (component $inner
      (type $r' (resource (rep i32)))
      (export $r "r" (type $r'))
      (core func $new (canon resource.new $r))
      (core func $rep (canon resource.rep $r))
      (core func $drop (canon resource.drop $r))
      (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "rep" (func $rep (param i32) (result i32)))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "get") (param i32) (result i32) (local.get 0))
        (func (export "take") (param i32) (result i32) (call $rep (local.get 0))))
      (core instance $m (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep))))))
      (func $make (param "x" u32) (result (own $r)) (canon lift (core func $m "make")))
      (func $get (param "x" (borrow $r)) (result u32) (canon lift (core func $m "get")))
      (func $take (param "x" (own $r)) (result u32) (canon lift (core func $m "take")))
      (export "make" (func $make)) (export "get" (func $get)) (export "take" (func $take)))
    (instance $i (instantiate $inner))
    (export "test:res/things" (instance $i)))`,
]

const texts = async (): Promise<readonly string[]> => {
  const guests = new URL('../../guests/', import.meta.url)
  const found = (await readdir(guests, { recursive: true })).filter((path) => path.endsWith('.wat'))
  const written = await Promise.all(found.toSorted().map((path) => readFile(new URL(path, guests), 'utf8')))
  const passing = fc.sample(fc.array(exchanges, { minLength: 1, maxLength: 3 }), { numRuns: 12, seed: 1 }).map((made, nth) =>
    passingComponent(
      made.map(({ type }) => type),
      chains[nth % chains.length] ?? ['utf8'],
    ),
  )
  const raw = fc.sample(valueTypes, { numRuns: 8, seed: 1 }).map((type, nth) => rawComponent(type, chains[nth % 3]?.[0] ?? 'utf8'))
  return [...withResources, ...written, ...passing, ...raw]
}

/** Components to begin from: generated ones, compositions, resources, and every guest that is written as text. Always the same. */
export const corpus = async (): Promise<readonly Uint8Array[]> => {
  const made: Uint8Array[] = []
  for (const text of await texts()) made.push(await assemble(text))
  return made
}
