;; Who may enter an instance, and what happens to one that trapped (CanonicalABI.md, Component Instances: may_enter_from; Explainer.md, Component
;; Invariants).

;; Calls from one child to another, several deep, and again afterwards.
(component
  (component $Leaf
    (core module $M
      (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n)))
    (core instance $m (instantiate $M))
    (func (export "next") (result u32) (canon lift (core func $m "next"))))
  (component $Twice
    (import "next" (func $next (result u32)))
    (core func $next-core (canon lower (func $next)))
    (core module $M
      (import "" "next" (func $next (result i32)))
      (func (export "next") (result i32) (i32.add (call $next) (call $next))))
    (core instance $m (instantiate $M (with "" (instance (export "next" (func $next-core))))))
    (func (export "next") (result u32) (canon lift (core func $m "next"))))
  (instance $leaf (instantiate $Leaf))
  (instance $two (instantiate $Twice (with "next" (func $leaf "next"))))
  (instance $four (instantiate $Twice (with "next" (func $two "next"))))
  (export "next" (func $four "next")))
(assert_return (invoke "next") (u32.const 10))
(assert_return (invoke "next") (u32.const 26))

;; A trap anywhere poisons what it went through: later calls do not enter.
(component
  (component $Leaf
    (core module $M (func (export "trap") unreachable) (func (export "fine")))
    (core instance $m (instantiate $M))
    (func (export "trap") (canon lift (core func $m "trap")))
    (func (export "fine") (canon lift (core func $m "fine"))))
  (component $Caller
    (import "trap" (func $trap))
    (core func $trap-core (canon lower (func $trap)))
    (core module $M
      (import "" "trap" (func $trap))
      (func (export "trap") (call $trap))
      (func (export "fine")))
    (core instance $m (instantiate $M (with "" (instance (export "trap" (func $trap-core))))))
    (func (export "trap") (canon lift (core func $m "trap")))
    (func (export "fine") (canon lift (core func $m "fine"))))
  (instance $leaf (instantiate $Leaf))
  (instance $caller (instantiate $Caller (with "trap" (func $leaf "trap"))))
  (export "trap" (func $caller "trap"))
  (export "fine" (func $caller "fine"))
  (export "leaf-fine" (func $leaf "fine")))
(assert_return (invoke "fine"))
(assert_return (invoke "leaf-fine"))
(assert_trap (invoke "trap") "engine: unreachable")
(assert_trap (invoke "fine") "poisoned: has trapped before")
(assert_trap (invoke "leaf-fine") "poisoned: has trapped before")

;; A component and those inside of it may call each other: what was entered with the caller is not entered again.
(component
  (component $Child
    (core module $M (func (export "f") (result i32) (i32.const 1)))
    (core instance $m (instantiate $M))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (instance $child (instantiate $Child))
  (core func $f (canon lower (func $child "f")))
  (core module $M (import "" "f" (func $f (result i32))) (func (export "down") (result i32) (call $f)))
  (core instance $m (instantiate $M (with "" (instance (export "f" (func $f))))))
  (func (export "down") (result u32) (canon lift (core func $m "down"))))
(assert_return (invoke "down") (u32.const 1))
(assert_return (invoke "down") (u32.const 1))
(component
  (core module $M (func (export "f") (result i32) (i32.const 2)))
  (core instance $m (instantiate $M))
  (func $f (result u32) (canon lift (core func $m "f")))
  (component $Child
    (import "f" (func $f (result u32)))
    (core func $f-core (canon lower (func $f)))
    (core module $M (import "" "f" (func $f (result i32))) (func (export "up") (result i32) (call $f)))
    (core instance $m (instantiate $M (with "" (instance (export "f" (func $f-core))))))
    (func (export "up") (result u32) (canon lift (core func $m "up"))))
  (instance $child (instantiate $Child (with "f" (func $f))))
  (export "up" (func $child "up")))
(assert_return (invoke "up") (u32.const 2))
;; Down into a child, up again, and down into the same child once more: that one is entered already.
(component
  (core module $Table (table (export "table") 1 funcref))
  (core instance $table (instantiate $Table))
  (core module $Back
    (import "" "table" (table 1 funcref))
    (func (export "back") (call_indirect (i32.const 0))))
  (core instance $back (instantiate $Back (with "" (instance $table))))
  (func $back (canon lift (core func $back "back")))
  (component $Child
    (import "back" (func $back))
    (core func $back-core (canon lower (func $back)))
    (core module $M (import "" "back" (func $back)) (func (export "f") (call $back)))
    (core instance $m (instantiate $M (with "" (instance (export "back" (func $back-core))))))
    (func (export "f") (canon lift (core func $m "f"))))
  (instance $child (instantiate $Child (with "back" (func $back))))
  (core func $f (canon lower (func $child "f")))
  (core module $Fill
    (import "" "table" (table 1 funcref))
    (import "" "f" (func $f))
    (elem (i32.const 0) $f)
    (func (export "down") (call $f)))
  (core instance $fill (instantiate $Fill (with "" (instance (export "table" (table $table "table")) (export "f" (func $f))))))
  (func (export "down") (canon lift (core func $fill "down"))))
(assert_trap (invoke "down") "reentrance: not inside a call already")
;; A component that calls what it lifted itself enters nothing new.
(component
  (core module $Table (table (export "table") 1 funcref))
  (core instance $table (instantiate $Table))
  (core module $Count
    (import "" "table" (table 1 funcref))
    (type $f (func (param i32) (result i32)))
    (func (export "count") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0))
        (then (i32.const 0))
        (else (i32.add (i32.const 2)
          (call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))))
  (core instance $count (instantiate $Count (with "" (instance $table))))
  (func $count (param "n" u32) (result u32) (canon lift (core func $count "count")))
  (core func $again (canon lower (func $count)))
  (core module $Fill
    (import "" "table" (table 1 funcref))
    (import "" "again" (func $again (param i32) (result i32)))
    (elem (i32.const 0) $again))
  (core instance (instantiate $Fill (with "" (instance (export "table" (table $table "table")) (export "again" (func $again))))))
  (export "count" (func $count)))
(assert_return (invoke "count" (u32.const 0)) (u32.const 0))
(assert_return (invoke "count" (u32.const 5)) (u32.const 10))

;; Engine traps of each kind end as such.
(component definition $Traps
  (core module $M
    (memory 1)
    (table 1 funcref)
    (type $none (func))
    (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
    (func (export "convert") (param f32) (result i32) (i32.trunc_f32_u (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "call") (param i32) (call_indirect (type $none) (local.get 0))))
  (core instance $m (instantiate $M))
  (func (export "divide") (param "x" u32) (result u32) (canon lift (core func $m "divide")))
  (func (export "convert") (param "x" f32) (result u32) (canon lift (core func $m "convert")))
  (func (export "load") (param "x" u32) (result u32) (canon lift (core func $m "load")))
  (func (export "call") (param "x" u32) (canon lift (core func $m "call"))))
(component instance $t $Traps)
(assert_return (invoke $t "divide" (u32.const 1)) (u32.const 1))
(assert_trap (invoke $t "divide" (u32.const 0)) "engine: divide by zero")
(component instance $t $Traps)
(assert_trap (invoke $t "convert" (f32.const nan)) "engine: unrepresentable")
(component instance $t $Traps)
(assert_trap (invoke $t "load" (u32.const 65533)) "engine: memory access out of bounds")
(component instance $t $Traps)
(assert_trap (invoke $t "call" (u32.const 0)) "engine: signature mismatch")
(component instance $t $Traps)
(assert_trap (invoke $t "call" (u32.const 1)) "engine: table index is out of bounds")

;; Start functions of core modules run while the component is instantiated, in order, and may call what was linked before.
(component
  (component $Counter
    (core module $M
      (global $n (mut i32) (i32.const 0))
      (func (export "add") (param i32) (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 10)) (local.get 0))))
      (func (export "n") (result i32) (global.get $n)))
    (core instance $m (instantiate $M))
    (func (export "add") (param "x" u32) (canon lift (core func $m "add")))
    (func (export "n") (result u32) (canon lift (core func $m "n"))))
  (component $Starter
    (import "add" (func $add (param "x" u32)))
    (core func $add-core (canon lower (func $add)))
    (core module $A (import "" "add" (func $add (param i32))) (func $start (call $add (i32.const 1))) (start $start))
    (core module $B (import "" "add" (func $add (param i32))) (func $start (call $add (i32.const 2))) (start $start))
    (core instance (instantiate $A (with "" (instance (export "add" (func $add-core))))))
    (core instance (instantiate $B (with "" (instance (export "add" (func $add-core)))))))
  (instance $counter (instantiate $Counter))
  (instance (instantiate $Starter (with "add" (func $counter "add"))))
  (export "n" (func $counter "n")))
(assert_return (invoke "n") (u32.const 12))
;; One that traps leaves no instance.
(assert_trap (component
  (core module $M (func $start unreachable) (start $start))
  (core instance (instantiate $M))) "engine: unreachable")
;; Segments that do not fit trap as the module is instantiated.
(assert_trap (component
  (core module $M (memory 1) (data (i32.const 65536) "x"))
  (core instance (instantiate $M))) "engine: data segment")
