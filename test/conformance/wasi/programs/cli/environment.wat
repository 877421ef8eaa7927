;; Prints its environment, a variable a line; has no working folder.
(import "wasi:cli/environment@0.2.12" "get-environment" (func $get-environment (param $result i32)))
(import "wasi:cli/environment@0.2.12" "initial-cwd" (func $initial-cwd (param $result i32)))
(data (i32.const 1100) "=")
(func $run (local $at i32) (local $left i32)
  (call $initial-cwd (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0))
  (call $get-environment (i32.const 1024))
  (local.set $at (i32.load (i32.const 1024)))
  (local.set $left (i32.load (i32.const 1028)))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $left)))
      (call $print (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
      (call $print (i32.const 1100) (i32.const 1))
      (call $print-line (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next))))
