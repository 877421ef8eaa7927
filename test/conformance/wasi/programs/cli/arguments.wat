;; Prints its own name and its arguments, a line each.
(import "wasi:cli/environment@0.2.12" "get-arguments" (func $get-arguments (param $result i32)))
(func $run (local $at i32) (local $left i32)
  (call $get-arguments (i32.const 1024))
  (local.set $at (i32.load (i32.const 1024)))
  (local.set $left (i32.load (i32.const 1028)))
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $left)))
      (call $print-line (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br $next))))
