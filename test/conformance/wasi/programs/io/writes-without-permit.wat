;; Writes more than it may, and ends for it.
(import "wasi:io/streams@0.2.12" "[method]output-stream.check-write" (func $check-write (param $stream i32) (param $result i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.write"
  (func $write (param $stream i32) (param $bytes i32) (param $length i32) (param $result i32)))
(func $run (local $stdout i32)
  (local.set $stdout (call $get-stdout))
  (call $check-write (local.get $stdout) (i32.const 1024))
  (call $write (local.get $stdout) (i32.const 2048) (i32.add (i32.wrap_i64 (i64.load (i32.const 1032))) (i32.const 1)) (i32.const 1024)))
