;; Asks for 2 to the 64th minus 1 bytes at once, and ends for it.
(import "wasi:random/insecure@0.2.12" "get-insecure-random-bytes" (func $get-random-bytes (param i64 i32)))
(func $run (call $get-random-bytes (i64.const -1) (i32.const 1024)))
