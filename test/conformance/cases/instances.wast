;; Instantiation, aliases, nesting and what may stand in for what (Explainer.md, Instance Definitions, Alias Definitions, Type Checking).

;; Each instantiation has state of its own; an instance that is given to several is one.
(component
  (component $Cell
    (core module $M
      (global $value (mut i32) (i32.const 0))
      (func (export "set") (param i32) (global.set $value (local.get 0)))
      (func (export "get") (result i32) (global.get $value)))
    (core instance $m (instantiate $M))
    (func (export "set") (param "x" u32) (canon lift (core func $m "set")))
    (func (export "get") (result u32) (canon lift (core func $m "get"))))
  (component $Reader
    (import "cell" (instance $cell (export "get" (func (result u32)))))
    (core func $get (canon lower (func $cell "get")))
    (core module $M
      (import "" "get" (func $get (result i32)))
      (func (export "next") (result i32) (i32.add (call $get) (i32.const 1))))
    (core instance $m (instantiate $M (with "" (instance (export "get" (func $get))))))
    (func (export "next") (result u32) (canon lift (core func $m "next"))))
  (instance $a (instantiate $Cell))
  (instance $b (instantiate $Cell))
  (instance $reader-of-a (instantiate $Reader (with "cell" (instance $a))))
  (instance $reader-of-b (instantiate $Reader (with "cell" (instance $b))))
  (instance $other-reader-of-a (instantiate $Reader (with "cell" (instance $a))))
  (export "set-a" (func $a "set"))
  (export "set-b" (func $b "set"))
  (export "next-of-a" (func $reader-of-a "next"))
  (export "next-of-b" (func $reader-of-b "next"))
  (export "other-next-of-a" (func $other-reader-of-a "next")))
(invoke "set-a" (u32.const 10))
(invoke "set-b" (u32.const 20))
(assert_return (invoke "next-of-a") (u32.const 11))
(assert_return (invoke "next-of-b") (u32.const 21))
(assert_return (invoke "other-next-of-a") (u32.const 11))

;; Instances put together from exports, and renamed on the way.
(component
  (component $Numbers
    (core module $M (func (export "one") (result i32) (i32.const 1)) (func (export "two") (result i32) (i32.const 2)))
    (core instance $m (instantiate $M))
    (func (export "one") (result u32) (canon lift (core func $m "one")))
    (func (export "two") (result u32) (canon lift (core func $m "two"))))
  (component $Minus
    (import "i" (instance $i (export "left" (func (result u32))) (export "right" (func (result u32)))))
    (core func $left (canon lower (func $i "left")))
    (core func $right (canon lower (func $i "right")))
    (core module $M
      (import "" "left" (func $left (result i32)))
      (import "" "right" (func $right (result i32)))
      (func (export "minus") (result i32) (i32.sub (call $left) (call $right))))
    (core instance $m (instantiate $M (with "" (instance (export "left" (func $left)) (export "right" (func $right))))))
    (func (export "minus") (result s32) (canon lift (core func $m "minus"))))
  (instance $n (instantiate $Numbers))
  (instance $straight (export "left" (func $n "one")) (export "right" (func $n "two")))
  (instance $swapped (export "left" (func $n "two")) (export "right" (func $n "one")) (export "more-than-asked" (func $n "two")))
  (instance $m1 (instantiate $Minus (with "i" (instance $straight))))
  (instance $m2 (instantiate $Minus (with "i" (instance $swapped))))
  (export "one-minus-two" (func $m1 "minus"))
  (export "two-minus-one" (func $m2 "minus")))
(assert_return (invoke "one-minus-two") (s32.const -1))
(assert_return (invoke "two-minus-one") (s32.const 1))

;; Components, modules and types of enclosing components (alias outer), several levels up, and components as arguments.
(component $top
  (core module $Three (func (export "f") (result i32) (i32.const 3)))
  (type $number u32)
  (component $Outer
    (component $Inner
      (core instance $m (instantiate $Three))
      (func (export "f") (result $number) (canon lift (core func $m "f"))))
    (instance $i (instantiate $Inner))
    (export "f" (func $i "f")))
  (component $Maker
    (import "what" (component $What (export "f" (func (result u32)))))
    (instance $first (instantiate $What))
    (instance $second (instantiate $What))
    (export "f" (func $second "f")))
  (instance $made (instantiate $Maker (with "what" (component $Outer))))
  (export "f" (func $made "f")))
(assert_return (invoke "f") (u32.const 3))

;; Modules as arguments, instantiated by whoever got them; core instances from exports, with all kinds of core definitions.
(component
  (core module $Parts
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (global (export "global") (mut i32) (i32.const 5))
    (func (export "six") (result i32) (i32.const 6))
    (elem (i32.const 0) 0))
  (core instance $parts (instantiate $Parts))
  (component $User
    (import "user" (core module $Module
      (import "renamed" "m" (memory 1))
      (import "renamed" "t" (table 1 funcref))
      (import "renamed" "g" (global (mut i32)))
      (import "renamed" "f" (func (result i32)))
      (export "sum" (func (result i32)))))
    (import "parts" (core module $Parts
      (export "memory" (memory 1))
      (export "table" (table 1 funcref))
      (export "global" (global (mut i32)))
      (export "six" (func (result i32)))))
    (core instance $p (instantiate $Parts))
    (core instance $u (instantiate $Module (with "renamed" (instance
      (export "m" (memory $p "memory")) (export "t" (table $p "table")) (export "g" (global $p "global")) (export "f" (func $p "six"))))))
    (func (export "sum") (result u32) (canon lift (core func $u "sum"))))
  (core module $Sum
    (import "renamed" "m" (memory 1))
    (import "renamed" "t" (table 1 funcref))
    (import "renamed" "g" (global $g (mut i32)))
    (import "renamed" "f" (func $f (result i32)))
    (type $six (func (result i32)))
    (func (export "sum") (result i32)
      (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (i32.store (i32.const 0) (i32.const 100))
      (i32.add (i32.add (i32.load (i32.const 0)) (global.get $g))
               (i32.add (call $f) (call_indirect (type $six) (i32.const 0))))))
  (instance $user (instantiate $User (with "user" (core module $Sum)) (with "parts" (core module $Parts))))
  (export "sum" (func $user "sum")))
(assert_return (invoke "sum") (u32.const 118))
(assert_return (invoke "sum") (u32.const 119))

;; Records and functions are the same type when they are built the same; nominal are resources only.
(component
  (component $Maker
    (type $bare (record (field "a" u8) (field "b" string)))
    (export $R "r" (type $bare))
    (core module $M
      (memory (export "memory") 1)
      (data (i32.const 16) "\07\00\00\00\20\00\00\00\02\00\00\00")
      (data (i32.const 32) "hi")
      (func (export "make") (result i32) (i32.const 16)))
    (core instance $m (instantiate $M))
    (func (export "make") (result $R) (canon lift (core func $m "make") (memory (core memory $m "memory")))))
  (component $Taker
    (type $bare (record (field "a" u8) (field "b" string)))
    (import "r" (type $R (eq $bare)))
    (import "make" (func $make (result $R)))
    (core module $Libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
    (core instance $libc (instantiate $Libc))
    (core func $make-core (canon lower (func $make) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $M
      (import "libc" "memory" (memory 1))
      (import "" "make" (func $make (param i32)))
      (func (export "sum") (result i32)
        (call $make (i32.const 16))
        (i32.add (i32.load8_u (i32.const 16)) (i32.add (i32.load (i32.const 24)) (i32.load8_u (i32.load (i32.const 20)))))))
    (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance (export "make" (func $make-core))))))
    (func (export "sum") (result u32) (canon lift (core func $m "sum"))))
  (instance $maker (instantiate $Maker))
  (instance $taker (instantiate $Taker (with "r" (type $maker "r")) (with "make" (func $maker "make"))))
  (export "sum" (func $taker "sum")))
(assert_return (invoke "sum") (u32.const 113))

;; A resource type that is passed on stays one type; a component that is virtualised stands between two others.
(component
  (component $Owner
    (type $local (resource (rep i32)))
    (export $R "r" (type $local))
    (core func $new (canon resource.new $local))
    (core module $M (func (export "look") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M))
    (func (export "make") (param "rep" u32) (result (own $R)) (canon lift (core func $new)))
    (func (export "look") (param "x" (borrow $R)) (result u32) (canon lift (core func $m "look"))))
  ;; Passes the type and `look` on as they are, and makes resources of twice what it is asked for.
  (component $Between
    (import "owner" (instance $owner
      (export "r" (type $R (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $R))))
      (export "look" (func (param "x" (borrow $R)) (result u32)))))
    (export $R "r" (type $owner "r"))
    (core func $make (canon lower (func $owner "make")))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $make (i32.mul (local.get 0) (i32.const 2)))))
    (core instance $m (instantiate $M (with "" (instance (export "make" (func $make))))))
    (func (export "make") (param "rep" u32) (result (own $R)) (canon lift (core func $m "make")))
    (export "look" (func $owner "look") (func (param "x" (borrow $R)) (result u32))))
  (component $User
    (import "owner" (instance $owner
      (export "r" (type $R (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $R))))
      (export "look" (func (param "x" (borrow $R)) (result u32)))))
    (core func $make (canon lower (func $owner "make")))
    (core func $look (canon lower (func $owner "look")))
    (core module $M
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "look" (func $look (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $look (call $make (local.get 0)))))
    (core instance $m (instantiate $M (with "" (instance (export "make" (func $make)) (export "look" (func $look))))))
    (func (export "run") (param "x" u32) (result u32) (canon lift (core func $m "run"))))
  (instance $owner (instantiate $Owner))
  (instance $between (instantiate $Between (with "owner" (instance $owner))))
  (instance $user (instantiate $User (with "owner" (instance $between))))
  (export "run" (func $user "run")))
(assert_return (invoke "run" (u32.const 21)) (u32.const 42))

;; A component without anything to run, one that only has types, an empty one.
(component)
(component (type $t (record (field "a" u8))) (export "t" (type $t)))
(component (component $Empty) (instance $e (instantiate $Empty)) (export "e" (instance $e)))
