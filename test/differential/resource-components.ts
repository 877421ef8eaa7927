/** Components for the tests of resources, as text. */

export const thingHost = 'test:res/host'
export const thingGuest = 'test:res/guest'
export const ownThings = 'test:res/things'

/** Memory, an allocator that never frees, and one word of it to keep a handle in. */
const libc = `(core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16))))))
  (core instance $libc (instantiate $libc))`

const memory = '(memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))'

/** Exported functions of {@link thingUser}: name, type and body of the core function. */
const uses: readonly (readonly [name: string, type: string, core: string])[] = [
  ['make', '(param "x" u32) (result (own $thing))', '(param i32) (result i32) (call $new (local.get 0))'],
  ['pass', '(param "x" (own $thing)) (result (own $thing))', '(param i32) (result i32) (local.get 0)'],
  ['look', '(param "x" (borrow $thing)) (result u32)', '(param i32) (result i32) (call $get (local.get 0)) (call $drop (local.get 0))'],
  [
    'pass-list',
    '(param "x" (list (own $thing))) (result (list (own $thing)))',
    '(param i32 i32) (result i32) (i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 1)) (i32.const 8)',
  ],
  [
    'join',
    '(param "a" (own $thing)) (param "b" (borrow $thing)) (result (own $thing))',
    '(param i32 i32) (result i32) (call $join (local.get 0) (local.get 1)) (call $drop (local.get 1))',
  ],
  ['keep', '(param "x" (own $thing))', '(param i32) (i32.store (i32.const 0) (local.get 0))'],
  ['give', '(result (own $thing))', '(result i32) (i32.load (i32.const 0))'],
  ['lose', '(param "x" (own $thing))', '(param i32) (call $drop (local.get 0))'],
  ['look-at-kept', '(result u32)', '(result i32) (call $get (i32.load (i32.const 0)))'],
  // What a hostile guest tries.
  ['forge', '(param "handle" u32) (result u32)', '(param i32) (result i32) (call $get (local.get 0))'],
  ['drop-forged', '(param "handle" u32)', '(param i32) (call $drop (local.get 0))'],
  ['drop-twice', '(param "x" (own $thing))', '(param i32) (call $drop (local.get 0)) (call $drop (local.get 0))'],
  ['use-dropped', '(param "x" (own $thing)) (result u32)', '(param i32) (result i32) (call $drop (local.get 0)) (call $get (local.get 0))'],
  ['move-lent', '(param "x" (own $thing)) (result (own $thing))', '(param i32) (result i32) (call $join (local.get 0) (local.get 0))'],
  [
    'move-lent-before',
    '(param "x" (own $thing)) (result (own $thing))',
    '(param i32) (result i32) (call $tip (local.get 0) (local.get 0))',
  ],
  ['give-borrowed', '(param "x" (borrow $thing)) (result (own $thing))', '(param i32) (result i32) (local.get 0)'],
  [
    'move-borrowed',
    '(param "x" (borrow $thing)) (result (own $thing))',
    '(param i32) (result i32) (call $join (local.get 0) (local.get 0))',
  ],
  ['keep-borrowed', '(param "x" (borrow $thing))', '(param i32) (nop)'],
  [
    'give-twice',
    '(param "x" (own $thing)) (result (tuple (own $thing) (own $thing)))',
    '(param i32) (result i32) (i32.store (i32.const 8) (local.get 0)) (i32.store (i32.const 12) (local.get 0)) (i32.const 8)',
  ],
]

/** Uses a resource of its host in every way, right and wrong. */
export const thingUser = `(component
  (import "${thingHost}" (instance $host
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (param "x" u32) (result (own $thing))))
    (export "[method]thing.get" (func (param "self" (borrow $thing)) (result u32)))
    (export "[static]thing.join" (func (param "a" (own $thing)) (param "b" (borrow $thing)) (result (own $thing))))
    (export "[static]thing.tip" (func (param "a" (borrow $thing)) (param "b" (own $thing)) (result (own $thing))))))
  (alias export $host "thing" (type $thing))
  (core func $new (canon lower (func $host "[constructor]thing")))
  (core func $get (canon lower (func $host "[method]thing.get")))
  (core func $join (canon lower (func $host "[static]thing.join")))
  (core func $tip (canon lower (func $host "[static]thing.tip")))
  (core func $drop (canon resource.drop $thing))
  ${libc}
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "get" (func $get (param i32) (result i32)))
    (import "host" "join" (func $join (param i32 i32) (result i32)))
    (import "host" "tip" (func $tip (param i32 i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    ${uses.map(([name, , core]) => `(func (export "${name}") ${core})`).join('\n    ')})
  (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "host" (instance
    (export "new" (func $new)) (export "get" (func $get)) (export "join" (func $join)) (export "tip" (func $tip)) (export "drop" (func $drop))))))
  ${uses.map(([name, type]) => `(func $${name} ${type} (canon lift (core func $m "${name}") ${memory}))`).join('\n  ')}
  (instance $out ${uses.map(([name]) => `(export "${name}" (func $${name}))`).join(' ')})
  (export "${thingGuest}" (instance $out)))`

/** Defines a resource: a number that is made, read, added to and destroyed, and counts how many were. */
const maker = `(component $maker
    (core module $dead
      (global $dropped (mut i32) (i32.const 0))
      (func (export "dtor") (param i32) (global.set $dropped (i32.add (global.get $dropped) (i32.add (i32.const 1000) (local.get 0)))))
      (func (export "dropped") (result i32) (global.get $dropped)))
    (core instance $dead (instantiate $dead))
    (type $r' (resource (rep i32) (dtor (core func $dead "dtor"))))
    (export $r "tally" (type $r'))
    (core func $new (canon resource.new $r'))
    (core func $rep (canon resource.rep $r'))
    (core func $drop (canon resource.drop $r'))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      ;; A borrow of its own resource comes as its representation.
      (func (export "get") (param i32) (result i32) (local.get 0))
      (func (export "merge") (param i32 i32) (result i32) (local i32)
        (local.set 2 (call $new (i32.add (call $rep (local.get 0)) (local.get 1))))
        (call $drop (local.get 0))
        (local.get 2))
      (func (export "forge") (param i32) (result i32) (local.get 0))
      (func (export "look") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $m (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (func $make (param "x" u32) (result (own $r)) (canon lift (core func $m "make")))
    (func $get (param "self" (borrow $r)) (result u32) (canon lift (core func $m "get")))
    (func $merge (param "a" (own $r)) (param "b" (borrow $r)) (result (own $r)) (canon lift (core func $m "merge")))
    (func $dropped (result u32) (canon lift (core func $dead "dropped")))
    (func $forge (param "handle" u32) (result (own $r)) (canon lift (core func $m "forge")))
    (func $look (param "handle" u32) (result u32) (canon lift (core func $m "look")))
    (export "[constructor]tally" (func $make))
    (export "[method]tally.get" (func $get))
    (export "[static]tally.merge" (func $merge))
    (export "dropped" (func $dropped)) (export "forge" (func $forge)) (export "look" (func $look)))`

/** A component that exports a resource of its own. */
export const thingMaker = `(component ${maker}
  (instance $i (instantiate $maker))
  (export "${ownThings}" (instance $i)))`

/** Two components, one of which uses the resource of the other: adds up 1 to n in tallies, and says what is left and how many were dropped. */
export const thingChain = `(component ${maker}
  (component $summer
    (import "things" (instance $things
      (export "tally" (type $r (sub resource)))
      (export "[constructor]tally" (func (param "x" u32) (result (own $r))))
      (export "[method]tally.get" (func (param "self" (borrow $r)) (result u32)))
      (export "[static]tally.merge" (func (param "a" (own $r)) (param "b" (borrow $r)) (result (own $r))))
      (export "dropped" (func (result u32)))))
    (alias export $things "tally" (type $r))
    (core func $new (canon lower (func $things "[constructor]tally")))
    (core func $get (canon lower (func $things "[method]tally.get")))
    (core func $merge (canon lower (func $things "[static]tally.merge")))
    (core func $dropped (canon lower (func $things "dropped")))
    (core func $drop (canon resource.drop $r))
    (core module $m
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      (import "" "merge" (func $merge (param i32 i32) (result i32)))
      (import "" "dropped" (func $dropped (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (memory (export "memory") 1)
      (func (export "sum") (param $n i32) (result i32) (local $sum i32) (local $one i32)
        (local.set $sum (call $new (i32.const 1)))
        (loop $again
          (local.set $one (call $new (local.get $n)))
          (local.set $sum (call $merge (local.get $sum) (local.get $one)))
          (call $drop (local.get $one))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $again (local.get $n)))
        (i32.store (i32.const 8) (call $get (local.get $sum)))
        (call $drop (local.get $sum))
        (i32.store (i32.const 12) (call $dropped))
        (i32.const 8))
      (func (export "misuse") (param $n i32) (result i32)
        (drop (call $merge (local.get $n) (local.get $n)))
        (i32.const 8)))
    (core instance $m (instantiate $m (with "" (instance
      (export "new" (func $new)) (export "get" (func $get)) (export "merge" (func $merge)) (export "dropped" (func $dropped)) (export "drop" (func $drop))))))
    (func $sum (param "n" u32) (result (tuple u32 u32)) (canon lift (core func $m "sum") (memory (core memory $m "memory"))))
    (func $misuse (param "n" u32) (result (tuple u32 u32)) (canon lift (core func $m "misuse") (memory (core memory $m "memory"))))
    (export "sum" (func $sum)) (export "misuse" (func $misuse)))
  (instance $i (instantiate $maker))
  (instance $s (instantiate $summer (with "things" (instance $i))))
  (export "${thingGuest}" (instance $s)))`
