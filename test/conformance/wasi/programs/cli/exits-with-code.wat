;; Ends with a code of its own; what it printed before is there.
(data (i32.const 1024) "before the end")
(func $run
  (call $print-line (i32.const 1024) (i32.const 14))
  (call $exit-with-code (i32.const 42))
  (unreachable))
