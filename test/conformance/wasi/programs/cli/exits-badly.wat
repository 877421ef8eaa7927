;; Ends by `exit` with err.
(import "wasi:cli/exit@0.2.12" "exit" (func $exit (param $status i32)))
(func $run (call $exit (i32.const 1)) (unreachable))
