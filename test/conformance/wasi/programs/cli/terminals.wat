;; Pipes are no terminals.
(import "wasi:cli/terminal-stdin@0.2.12" "get-terminal-stdin" (func $get-terminal-stdin (param $result i32)))
(import "wasi:cli/terminal-stdout@0.2.12" "get-terminal-stdout" (func $get-terminal-stdout (param $result i32)))
(import "wasi:cli/terminal-stderr@0.2.12" "get-terminal-stderr" (func $get-terminal-stderr (param $result i32)))
(func $run
  (call $get-terminal-stdin (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0))
  (call $get-terminal-stdout (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0))
  (call $get-terminal-stderr (i32.const 1024))
  (call $same (i32.load8_u (i32.const 1024)) (i32.const 0)))
