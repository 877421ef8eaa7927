;; The wall clock tells a date after this was written, with nanoseconds that are less than a second.
(import "wasi:clocks/wall-clock@0.2.12" "now" (func $now (param $result i32)))
(import "wasi:clocks/wall-clock@0.2.12" "resolution" (func $resolution (param $result i32)))
(func $run
  (call $now (i32.const 1024))
  (call $true (i64.gt_u (i64.load (i32.const 1024)) (i64.const 1750000000)))
  (call $true (i32.lt_u (i32.load (i32.const 1032)) (i32.const 1000000000)))
  (call $resolution (i32.const 1024))
  (call $same64 (i64.load (i32.const 1024)) (i64.const 0))
  (call $true (i32.load (i32.const 1032)))
  (call $true (i32.lt_u (i32.load (i32.const 1032)) (i32.const 1000000000))))
