;; Splices standard input into standard output, blocking and not.
(import "wasi:cli/stdin@0.2.12" "get-stdin" (func $get-stdin (result i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.check-write" (func $check-write (param $stream i32) (param $result i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.splice"
  (func $splice (param $stream i32) (param $source i32) (param $length i64) (param $result i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-splice"
  (func $blocking-splice (param $stream i32) (param $source i32) (param $length i64) (param $result i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-flush" (func $blocking-flush (param $stream i32) (param $result i32)))
(func $run (local $stdin i32) (local $stdout i32)
  (local.set $stdin (call $get-stdin))
  (local.set $stdout (call $get-stdout))
  (call $blocking-splice (local.get $stdout) (local.get $stdin) (i64.const 4) (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0))
  (call $true (i64.ne (i64.load (i32.const 1032)) (i64.const 0)))
  (call $blocking-flush (local.get $stdout) (i32.const 1024))
  (block $ended
    (loop $next
      (call $blocking-splice (local.get $stdout) (local.get $stdin) (i64.const 65536) (i32.const 1024))
      (br_if $ended (i32.load8_u (i32.const 1024)))
      (br $next)))
  ;; closed
  (call $same (i32.load8_u (i32.const 1032)) (i32.const 1))
  (call $blocking-flush (local.get $stdout) (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0))
  (call $check-write (local.get $stdout) (i32.const 1024))
  (call $splice (local.get $stdout) (local.get $stdin) (i64.const 1) (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 1)))
