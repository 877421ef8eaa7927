;; The time zone is UTC, in summer and in winter.
(import "wasi:clocks/timezone@0.2.12" "display" (func $display (param $seconds i64) (param $nanoseconds i32) (param $result i32)))
(import "wasi:clocks/timezone@0.2.12" "utc-offset" (func $utc-offset (param $seconds i64) (param $nanoseconds i32) (result i32)))
(func $run
  (call $same (call $utc-offset (i64.const 1750000000) (i32.const 0)) (i32.const 0))
  (call $same (call $utc-offset (i64.const 1765000000) (i32.const 999999999)) (i32.const 0))
  (call $display (i64.const 1750000000) (i32.const 0) (i32.const 1024))
  (call $same (i32.load (i32.const 1024)) (i32.const 0))
  (call $same (i32.load8_u (i32.const 1036)) (i32.const 0))
  (call $print-line (i32.load (i32.const 1028)) (i32.load (i32.const 1032))))
