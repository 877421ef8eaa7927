;; `poll` of an empty list traps.
(import "wasi:io/poll@0.2.12" "poll" (func $poll (param $list i32) (param $count i32) (param $result i32)))
(func $run (call $poll (i32.const 2048) (i32.const 0) (i32.const 1024)))
