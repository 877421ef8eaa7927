;; A command that ends itself with exit code 7 before it returns.
(component
  (import "wasi:cli/exit@0.2.12" (instance $exit
    (export "exit-with-code" (func (param "status-code" u8)))))
  (core func $exit-with-code (canon lower (func $exit "exit-with-code")))
  (core module $module
    (import "host" "exit" (func $exit (param $code i32)))
    (func (export "run") (result i32)
      (call $exit (i32.const 7))
      ;; Not reached: exit does not return.
      (i32.const 0))
  )
  (core instance $host (export "exit" (func $exit-with-code)))
  (core instance $guest (instantiate $module (with "host" (instance $host))))
  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.12" (instance $command)))
