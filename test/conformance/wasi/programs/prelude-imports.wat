;; What every program in text format imports; its own imports come after these.
(import "wasi:cli/stdout@0.2.12" "get-stdout" (func $get-stdout (result i32)))
(import "wasi:cli/stderr@0.2.12" "get-stderr" (func $get-stderr (result i32)))
(import "wasi:cli/exit@0.2.12" "exit-with-code" (func $exit-with-code (param $code i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
  (func $write-and-flush (param $stream i32) (param $text i32) (param $length i32) (param $result i32)))
(import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop-output (param i32)))
