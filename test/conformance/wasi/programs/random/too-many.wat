;; Asks for two gigabytes at once, and ends for it.
(import "wasi:random/random@0.2.12" "get-random-bytes" (func $get-random-bytes (param i64 i32)))
(func $run (call $get-random-bytes (i64.const 0x80000000) (i32.const 1024)))
