;; What is no valid component, a rule at a time. Each names the words that the refusal has to have, so that nothing is refused for another reason.

;; Value types (Explainer.md, Type Definitions; Binary.md, Type Definitions)
(assert_invalid (component
  (type (record)))
  "invalid: expected at least one field")
(assert_invalid (component
  (type (variant)))
  "invalid: expected at least one case")
(assert_invalid (component
  (type (tuple)))
  "invalid: expected at least one tuple item")
(assert_invalid (component
  (type (enum)))
  "invalid: expected at least one enum case")
(assert_invalid (component
  (type (flags)))
  "invalid: expected at least one flag")
(assert_invalid (component
  (type (record (field "a" u8) (field "a" u8))))
  "invalid: expected each field once")
(assert_invalid (component
  (type (record (field "a" u8) (field "A" u8))))
  "invalid: expected each field once")
(assert_invalid (component
  (type (variant (case "a") (case "a" u8))))
  "invalid: expected each case once")
(assert_invalid (component
  (type (enum "a" "b" "a")))
  "invalid: expected each enum case once")
(assert_invalid (component
  (type (flags "a" "a")))
  "invalid: expected each flag once")
(assert_invalid (component
  (type (record (field "a_b" u8))))
  "invalid: expected a field in kebab case such as `get-item`")
(assert_invalid (component
  (type (record (field "1a" u8))))
  "invalid: expected a field in kebab case such as `get-item`")
(assert_invalid (component
  (type (record (field "" u8))))
  "invalid: expected a field in kebab case such as `get-item`")
(assert_invalid (component
  (type (enum "a-")))
  "invalid: expected an enum case in kebab case such as `get-item`")
(assert_invalid (component
  (type (flags "A-b-Cd")))
  "invalid: expected a flag in kebab case such as `get-item`")
(assert_invalid (component
  (type (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8" "f9" "f10" "f11" "f12" "f13" "f14" "f15" "f16" "f17" "f18" "f19" "f20" "f21" "f22" "f23" "f24" "f25" "f26" "f27" "f28" "f29" "f30" "f31" "f32")))
  "invalid: expected at most 32 flags")
(assert_invalid (component
  (type (list 5)))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (type (option 0)))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (type $f (func)) (type (list $f)))
  "invalid: expected a value type")
(assert_invalid (component
  (type $i (instance)) (type (option $i)))
  "invalid: expected a value type")
(assert_invalid (component
  (type $c (component)) (type (result $c)))
  "invalid: expected a value type")
(assert_invalid (component
  (type $r (resource (rep i64))))
  "beyond: a resource type with a representation other than i32")

;; Function types
(assert_invalid (component
  (type (func (param "a" u8) (param "a" u8))))
  "invalid: expected each parameter once")
(assert_invalid (component
  (type (func (param "a" u8) (param "A" u8))))
  "invalid: expected each parameter once")
(assert_invalid (component
  (type (func (param "a b" u8))))
  "invalid: expected a parameter in kebab case such as `get-item`")
(assert_invalid (component
  (type (func (param "x" 9))))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (type (func (result 9))))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (type $R (resource (rep i32))) (type (func (result (borrow $R)))))
  "invalid: expected a result without `borrow`")
(assert_invalid (component
  (type $R (resource (rep i32))) (type (func (result (list (borrow $R))))))
  "invalid: expected a result without `borrow`")
(assert_invalid (component
  (type $t u8) (type (func (param "x" (own $t)))))
  "invalid: expected a resource type")

;; Index spaces
(assert_invalid (component
  (core instance (instantiate 0)))
  "invalid: expected a core module index below 0")
(assert_invalid (component
  (instance (instantiate 0)))
  "invalid: expected a component index below 0")
(assert_invalid (component
  (canon lower (func 0) (core func)))
  "invalid: expected a function index below 0")
(assert_invalid (component
  (export "f" (func 0)))
  "invalid: expected a func index below 0")
(assert_invalid (component
  (export "i" (instance 0)))
  "invalid: expected an instance index below 0")
(assert_invalid (component
  (export "t" (type 0)))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (export "c" (component 0)))
  "invalid: expected a component index below 0")
(assert_invalid (component
  (export "m" (core module 0)))
  "invalid: expected a module index below 0")
(assert_invalid (component
  (alias export 0 "f" (func)))
  "invalid: expected an instance index below 0")
(assert_invalid (component
  (alias core export 0 "f" (core func)))
  "invalid: expected a core instance index below 0")
(assert_invalid (component
  (alias outer 5 0 (type)))
  "invalid: expected an alias of at most 0 scopes outwards")
(assert_invalid (component
  (alias outer 0 0 (type)))
  "invalid: expected a type index below 0")
(assert_invalid (component
  (component (alias outer 1 0 (core module))))
  "invalid: expected a core module index below 0")
(assert_invalid (component
  (type (func)) (import "f" (func (type 1))))
  "invalid: expected a type index below 1")
(assert_invalid (component
  (type u8) (import "f" (func (type 0))))
  "invalid: expected a type of kind func")
(assert_invalid (component
  (import "f" (instance (type 0))))
  "invalid: expected a type index below 0")

;; Aliases (Explainer.md, Alias Definitions)
(assert_invalid (component
  (import "i" (instance $i)) (alias export $i "f" (func)))
  "invalid: expected export `f` of kind func")
(assert_invalid (component
  (import "i" (instance $i (export "f" (func)))) (alias export $i "f" (instance)))
  "invalid: expected export `f` of kind instance")
(assert_invalid (component
  (core module $M) (core instance $m (instantiate $M)) (alias core export $m "f" (core func)))
  "invalid: expected core export `f` of kind func")
(assert_invalid (component
  (core module $M (func (export "f"))) (core instance $m (instantiate $M)) (alias core export $m "f" (core memory)))
  "invalid: expected core export `f` of kind memory")
(assert_invalid (component
  (type $R (resource (rep i32))) (component (alias outer 1 $R (type))))
  "invalid: expected an alias of a type without resource types across components")
(assert_invalid (component
  (type $R (resource (rep i32))) (type $o (own $R)) (component (alias outer 1 $o (type))))
  "invalid: expected an alias of a type without resource types across components")

;; Imports and exports: names, uniqueness (Explainer.md, Import and Export Definitions, Name Uniqueness)
(assert_invalid (component
  (import "a" (func)) (import "a" (func)))
  "invalid: expected each import once")
(assert_invalid (component
  (import "a" (func)) (import "A" (func)))
  "invalid: expected each import once")
(assert_invalid (component
  (import "" (func)))
  "invalid: expected a name in kebab case such as `get-item`")
(assert_invalid (component
  (import "a_b" (func)))
  "invalid: expected a name in kebab case such as `get-item`")
(assert_invalid (component
  (import "a--b" (func)))
  "invalid: expected a name in kebab case such as `get-item`")
(assert_invalid (component
  (import "-a" (func)))
  "invalid: expected a name in kebab case such as `get-item`")
(assert_invalid (component
  (import "a/b" (func)))
  "invalid: expected a name in kebab case such as `get-item`")
(assert_invalid (component
  (import "a:b" (func)))
  "invalid: expected a name such as `run` or `wasi:io/streams@0.2.12`")
(assert_invalid (component
  (import "a:b/" (instance)))
  "invalid: expected a name such as `run` or `wasi:io/streams@0.2.12`")
(assert_invalid (component
  (import "a:b/c@" (instance)))
  "invalid: expected a name such as `run` or `wasi:io/streams@0.2.12`")
(assert_invalid (component
  (import "a:b/c@x.y.z" (instance)))
  "invalid: expected a name such as `run` or `wasi:io/streams@0.2.12`")
(assert_invalid (component
  (import "A:b/c" (instance)))
  "invalid: expected a name such as `run` or `wasi:io/streams@0.2.12`")
(assert_invalid (component
  (import "f" (func $f)) (export "a" (func $f)) (export "a" (func $f)))
  "invalid: expected each export once")
(assert_invalid (component
  (import "f" (func $f)) (export "a" (func $f)) (export "A" (func $f)))
  "invalid: expected each export once")
(assert_invalid (component
  (import "[method]r.m" (func (param "self" u32))))
  "invalid: expected borrow<r> in the type of `[method]r.m`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[method]r.m" (func)))
  "invalid: expected `self` as the first parameter of `[method]r.m`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[method]r.m" (func (param "x" (borrow $r)))))
  "invalid: expected `self` as the first parameter of `[method]r.m`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[method]r.m" (func (param "self" (own $r)))))
  "invalid: expected borrow<r> in the type of `[method]r.m`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[constructor]r" (func)))
  "invalid: expected own<r> in the type of `[constructor]r`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[constructor]r" (func (result (borrow $r)))))
  "invalid: expected a result without `borrow`")
(assert_invalid (component
  (import "[static]r.f" (func)))
  "invalid: expected `[static]r.f` to belong to a resource named before it")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[static]r" (func)))
  "invalid: expected `[static]resource.name`")
(assert_invalid (component
  (import "[unknown]r.f" (func)))
  "beyond: a name with an annotation of its own: `[unknown]r.f`")
(assert_invalid (component
  (import "r" (type $r (sub resource))) (import "[method]r.m" (func (param "self" (borrow $r)))) (import "[static]r.m" (func)))
  "invalid: expected each import once")

;; Types that are seen from outside (Explainer.md, External Visibility of Types)
(assert_invalid (component
  (type $r (record (field "a" u8))) (import "f" (func (param "x" $r))))
  "invalid: expected all types in import `f` to be imported by a name of their own before it")
(assert_invalid (component
  (type $R (resource (rep i32))) (core module $M (func (export "f") (param i32))) (core instance $m (instantiate $M)) (func (export "f") (param "x" (own $R)) (canon lift (core func $m "f"))))
  "invalid: expected all types in export `f` to be exported by a name of their own before it")
(assert_invalid (component
  (type $e (enum "a")) (import "t" (type (eq $e))) (import "f" (func (param "x" $e))))
  "invalid: expected all types in import `f` to be imported by a name of their own before it")
(assert_invalid (component
  (import "t" (type (sub resource))) (type $i (instance (export "t" (type (sub resource))) (export "f" (func (param "x" (own 0)))))) (export "u" (type $i)) (type (record)))
  "invalid: expected all types in export `u` to be exported by a name of their own before it")

;; Exports that are given a type
(assert_invalid (component
  (import "f" (func $f)) (export "g" (func $f) (func (param "x" u8))))
  "invalid: expected a function of 1 parameters as export `g`")
(assert_invalid (component
  (type $R (resource (rep i32))) (type $S (resource (rep i32))) (export "r" (type $R) (type (eq $S))))
  "invalid: expected one resource type as export `r`")
(assert_invalid (component
  (type $t u8) (export "r" (type $t) (type (sub resource))))
  "invalid: expected a type of kind resource as export `r`")

;; Instantiating components: each import is given something that fits (Explainer.md, Type Checking)
(assert_invalid (component
  (component $C (import "f" (func))) (instance (instantiate $C)))
  "invalid: expected argument `f`")
(assert_invalid (component
  (component $C (import "f" (func))) (import "i" (instance $i)) (instance (instantiate $C (with "f" (instance $i)))))
  "invalid: expected func as argument `f`")
(assert_invalid (component
  (component $C (import "f" (func (param "x" u8)))) (import "f" (func $f (param "x" u16))) (instance (instantiate $C (with "f" (func $f)))))
  "invalid: expected u8 as parameter `x` of argument `f`")
(assert_invalid (component
  (component $C (import "f" (func (param "x" u8)))) (import "f" (func $f (param "y" u8))) (instance (instantiate $C (with "f" (func $f)))))
  "invalid: expected parameter `x` as argument `f`")
(assert_invalid (component
  (component $C (import "f" (func (param "x" u8)))) (import "f" (func $f)) (instance (instantiate $C (with "f" (func $f)))))
  "invalid: expected a function of 1 parameters as argument `f`")
(assert_invalid (component
  (component $C (import "f" (func (result u8)))) (import "f" (func $f)) (instance (instantiate $C (with "f" (func $f)))))
  "invalid: expected u8 as the result of argument `f`")
(assert_invalid (component
  (component $C (import "i" (instance (export "f" (func))))) (import "i" (instance $i (export "g" (func)))) (instance (instantiate $C (with "i" (instance $i)))))
  "invalid: expected argument `i` with export `f`")
(assert_invalid (component
  (component $C (import "i" (instance (export "f" (func))))) (import "i" (instance $i (export "f" (instance)))) (instance (instantiate $C (with "i" (instance $i)))))
  "invalid: expected func as argument `i` with export `f`")
(assert_invalid (component
  (component $C (import "t" (type (sub resource)))) (type $t u8) (instance (instantiate $C (with "t" (type $t)))))
  "invalid: expected a type of kind resource as argument `t`")
(assert_invalid (component
  (component $C (type $u u8) (import "t" (type (eq $u)))) (type $t u16) (instance (instantiate $C (with "t" (type $t)))))
  "invalid: expected u8 as argument `t`")
(assert_invalid (component
  (component $C (type $u (record (field "a" u8))) (import "t" (type (eq $u)))) (type $t (record (field "b" u8))) (instance (instantiate $C (with "t" (type $t)))))
  "invalid: expected record with `a` as argument `t`")
(assert_invalid (component
  (component $C (type $u (variant (case "a") (case "b"))) (import "t" (type (eq $u)))) (type $t (variant (case "b") (case "a"))) (instance (instantiate $C (with "t" (type $t)))))
  "invalid: expected variant with `a` as argument `t`")
(assert_invalid (component
  (component $C (import "r" (type $r (sub resource))) (import "f" (func (param "x" (own $r))))) (type $R (resource (rep i32))) (type $S (resource (rep i32))) (core module $M (func (export "f") (param i32))) (core instance $m (instantiate $M)) (func $f (param "x" (own $S)) (canon lift (core func $m "f"))) (instance (instantiate $C (with "r" (type $R)) (with "f" (func $f)))))
  "invalid: expected own of one resource type as parameter `x` of argument `f`")
(assert_invalid (component
  (component $C (import "f" (func))) (import "f" (func $f)) (instance (instantiate $C (with "f" (func $f)) (with "f" (func $f)))))
  "invalid: expected each argument of an instance once")
(assert_invalid (component
  (component $C (import "c" (component (export "f" (func))))) (component $D) (instance (instantiate $C (with "c" (component $D)))))
  "invalid: expected argument `c` with export `f`")
(assert_invalid (component
  (component $C (import "c" (component))) (component $D (import "f" (func))) (instance (instantiate $C (with "c" (component $D)))))
  "invalid: expected argument `c` with import `f`")
(assert_invalid (component
  (component $C (import "m" (core module (export "f" (func))))) (core module $M) (instance (instantiate $C (with "m" (core module $M)))))
  "invalid: expected argument `m` to export `f`")
(assert_invalid (component
  (component $C (import "m" (core module))) (core module $M (import "a" "b" (func))) (instance (instantiate $C (with "m" (core module $M)))))
  "invalid: expected argument `m` to import no more than its type")
(assert_invalid (component
  (import "f" (func $f)) (instance (export "a" (func $f)) (export "a" (func $f))))
  "invalid: expected each export once")

;; Instantiating core modules
(assert_invalid (component
  (core module $M (import "a" "b" (func))) (core instance (instantiate $M)))
  "invalid: expected an argument `a` for a core instance")
(assert_invalid (component
  (core module $M (import "a" "b" (func))) (core module $N) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected argument `a` of a core instance to export `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (func))) (core module $N (memory (export "b") 1)) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected func () -> () for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (func))) (core module $N (func (export "b") (param i32))) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected func () -> () for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (memory 2))) (core module $N (memory (export "b") 1)) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected memory of 2 pages for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (memory 1 2))) (core module $N (memory (export "b") 1)) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected memory of 1 to 2 pages for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (table 2 funcref))) (core module $N (table (export "b") 1 funcref)) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected table of 2 funcref for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (global i32))) (core module $N (global (export "b") i64 (i64.const 0))) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected immutable global i32 for core import `a` `b`")
(assert_invalid (component
  (core module $M (import "a" "b" (global i32))) (core module $N (global (export "b") (mut i32) (i32.const 0))) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)))))
  "invalid: expected immutable global i32 for core import `a` `b`")
(assert_invalid (component
  (core module $N (func (export "b"))) (core instance $n (instantiate $N)) (core instance (export "a" (func $n "b")) (export "a" (func $n "b"))))
  "invalid: expected each export of a core instance once")
(assert_invalid (component
  (core module $M (import "a" "b" (func))) (core module $N (func (export "b"))) (core instance $n (instantiate $N)) (core instance (instantiate $M (with "a" (instance $n)) (with "a" (instance $n)))))
  "invalid: expected each argument of a core instance once")

;; Core modules themselves
(assert_invalid (component
  (core module (func (result i32))))
  "invalid: expected code that type-checks")
(assert_invalid (component
  (core module (func i32.add drop)))
  "invalid: expected code that type-checks")
(assert_invalid (component
  (core module (func (export "a")) (func (export "a"))))
  "invalid: expected each export of a core module once")
(assert_invalid (component
  (core module (func (local.set 0 (i32.const 1)))))
  "invalid: expected a local index below 0")
(assert_invalid (component
  (core module (func $f (param i32)) (start $f)))
  "invalid: expected code that type-checks")

;; canon lift and canon lower (CanonicalABI.md, canonopt Validation, canon lift, canon lower)
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (canon lift (core func $m "i32"))))
  "invalid: expected a core function () -> () to lift")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (param "x" u64) (result u32) (canon lift (core func $m "i32"))))
  "invalid: expected a core function (i64) -> (i32) to lift")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result u64) (canon lift (core func $m "result"))))
  "invalid: expected a core function () -> (i64) to lift")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result string) (canon lift (core func $m "result"))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result (list u8)) (canon lift (core func $m "result"))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result (tuple u32 u32)) (canon lift (core func $m "result"))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (param "x" string) (canon lift (core func $m "two") (memory (core memory $m "memory")))))
  "invalid: expected the option realloc for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (param "x" string) (canon lift (core func $m "two") (realloc (core func $m "realloc")))))
  "invalid: expected the option memory beside realloc")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (param "x" (list u8)) (canon lift (core func $m "two"))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result string) (canon lift (core func $m "result") (memory (core memory $m "memory")) (memory (core memory $m "memory")))))
  "invalid: expected the option memory once")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result string) (canon lift (core func $m "result") (memory (core memory $m "memory")) string-encoding=utf8 string-encoding=utf16)))
  "invalid: expected one string encoding")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (param "x" string) (canon lift (core func $m "two") (memory (core memory $m "memory")) (realloc (core func $m "i32")))))
  "invalid: expected realloc to be (i32 i32 i32 i32) -> (i32)")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result string) (canon lift (core func $m "result") (memory (core memory $m "memory")) (post-return (core func $m "none")))))
  "invalid: expected post-return to be (i32) -> ()")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (func (result string) (canon lift (core func $m "result") (memory (core memory $m "memory")) (post-return (core func $m "i32")))))
  "invalid: expected post-return to be (i32) -> ()")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f (param "x" string))) (core func (canon lower (func $f))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f (result string))) (core func (canon lower (func $f) (memory (core memory $m "memory")))))
  "invalid: expected the option realloc for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f (result (tuple u32 u32)))) (core func (canon lower (func $f))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f (param "x" (tuple u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8 u8)))) (core func (canon lower (func $f))))
  "invalid: expected the option memory for these types")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f)) (core func (canon lower (func $f) (post-return (core func $m "none")))))
  "invalid: expected no post-return for a lowered function")
(assert_invalid (component
  (core module $M (memory (export "memory") 1) (func (export "none")) (func (export "i32") (param i32) (result i32) (local.get 0)) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)) (func (export "result") (result i32) (i32.const 0)) (func (export "two") (param i32 i32)))
  (core instance $m (instantiate $M)) (import "f" (func $f (param "x" u8))) (core func $f (canon lower (func $f))) (core module $N (import "" "f" (func (param i64)))) (core instance (instantiate $N (with "" (instance (export "f" (func $f)))))))
  "invalid: expected func (i64) -> () for core import `` `f`")

;; Resources (CanonicalABI.md, canon resource.new, resource.drop, resource.rep)
(assert_invalid (component
  (import "r" (type $R (sub resource))) (core func (canon resource.new $R)))
  "invalid: expected resource.new of a resource type that this component defines")
(assert_invalid (component
  (import "r" (type $R (sub resource))) (core func (canon resource.rep $R)))
  "invalid: expected resource.rep of a resource type that this component defines")
(assert_invalid (component
  (type $t u8) (core func (canon resource.new $t)))
  "invalid: expected a type of kind resource")
(assert_invalid (component
  (type $t u8) (core func (canon resource.drop $t)))
  "invalid: expected a type of kind resource")
(assert_invalid (component
  (type $t u8) (core func (canon resource.rep $t)))
  "invalid: expected a type of kind resource")
(assert_invalid (component
  (core module $M (func (export "d"))) (core instance $m (instantiate $M)) (type (resource (rep i32) (dtor (core func $m "d")))))
  "invalid: expected a destructor (i32) -> ()")
(assert_invalid (component
  (core module $M (func (export "d") (param i64))) (core instance $m (instantiate $M)) (type (resource (rep i32) (dtor (core func $m "d")))))
  "invalid: expected a destructor (i32) -> ()")
(assert_invalid (component
  (core module $M (func (export "d") (param i32) (result i32) (local.get 0))) (core instance $m (instantiate $M)) (type (resource (rep i32) (dtor (core func $m "d")))))
  "invalid: expected a destructor (i32) -> ()")
(assert_invalid (component
  (type (component (type (resource (rep i32))))))
  "invalid: expected resource types to be defined in components only")
(assert_invalid (component
  (type (instance (type (resource (rep i32))))))
  "invalid: expected resource types to be defined in components only")
(assert_invalid (component
  (component $C (type $local (resource (rep i32))) (export "r" (type $local))) (instance $c (instantiate $C)) (alias export $c "r" (type $R)) (core func (canon resource.new $R)))
  "invalid: expected resource.new of a resource type that this component defines")

;; Past WASI 0.2: refused by name
(assert_invalid (component
  (type (stream u8)))
  "beyond: a stream")
(assert_invalid (component
  (type (future u8)))
  "beyond: a future")
(assert_invalid (component
  (type (list u8 4)))
  "beyond: a list of fixed length")
(assert_invalid (component
  (type (map string u8)))
  "beyond: a map")
(assert_invalid (component
  (type error-context))
  "beyond: an error context")
(assert_invalid (component
  (type (func async)))
  "beyond: the type of an asynchronous function")
(assert_invalid (component
  (core func (canon task.return)))
  "beyond: a canonical function of task.return")
(assert_invalid (component
  (core func (canon backpressure.inc)))
  "beyond: a canonical function of backpressure")
(assert_invalid (component
  (core func (canon waitable-set.new)))
  "beyond: a canonical function of waitable sets")
(assert_invalid (component
  (core func (canon context.get i32 0)))
  "beyond: a canonical function of context.get")
(assert_invalid (component
  (core module (memory i64 1)))
  "beyond: expected a module without 64-bit memories (memory64)")
(assert_invalid (component
  (core module (memory 1 1 shared)))
  "beyond: expected a module without shared memories")
(assert_invalid (component
  (core module (memory 1) (memory 1)))
  "beyond: expected a module without several memories")
(assert_invalid (component
  (core module (type (struct))))
  "beyond: a core type of form 0x5f (garbage collection or the like)")
(assert_invalid (component
  (core module (tag)))
  "beyond: a core tag (exceptions)")
