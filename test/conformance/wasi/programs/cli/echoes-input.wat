;; Passes its input on to standard output and error until it ends.
(import "wasi:cli/stdin@0.2.12" "get-stdin" (func $get-stdin (result i32)))
(import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read"
  (func $blocking-read (param $stream i32) (param $length i64) (param $result i32)))
(func $run (local $stdin i32)
  (local.set $stdin (call $get-stdin))
  (block $ended
    (loop $next
      (call $blocking-read (local.get $stdin) (i64.const 4096) (i32.const 1024))
      (br_if $ended (i32.load8_u (i32.const 1024)))
      (call $print (i32.load (i32.const 1028)) (i32.load (i32.const 1032)))
      (call $complain (i32.load (i32.const 1028)) (i32.load (i32.const 1032)))
      (br $next)))
  ;; closed
  (call $same (i32.load8_u (i32.const 1028)) (i32.const 1)))
