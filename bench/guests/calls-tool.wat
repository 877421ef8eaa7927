;; Calls the embedder's tool `echo` as often as its input (a JSON number) says, then returns null: the price of a host call is the
;; difference between many and none.
(component
  (import "cordon:agent/tools@0.1.0" (instance $tools
    (type $reason (enum "denied" "unknown" "invalid-input" "failed" "too-large"))
    (export "tool-error" (type $tool-error (eq $reason)))
    (export "call" (func (param "name" string) (param "input" string) (result (result string (error $tool-error)))))))
  (core module $store
    (memory (export "memory") 1)
    ;; A bump allocator: nothing is ever freed.
    (global $top (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      ;; Takes what it needs in whole pages; traps when it is refused.
      (block $fits
        (loop $more
          (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
          (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
          (br $more)))
      (local.get $at))
  )
  (core instance $memory (instantiate $store))
  (core func $call (canon lower (func $tools "call") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core instance $host (export "call" (func $call)))
  (core module $module
    (import "memory" "memory" (memory 1))
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32)))
    (data (i32.const 16) "echonull{}")
    (func (export "run") (param $input i32) (param $length i32) (result i32)
      (local $left i32) (local $at i32)
      (block $parsed
        (loop $digit
          (br_if $parsed (i32.ge_u (local.get $at) (local.get $length)))
          (local.set $left (i32.add (i32.mul (local.get $left) (i32.const 10))
            (i32.sub (i32.load8_u (i32.add (local.get $input) (local.get $at))) (i32.const 48))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $digit)))
      (block $done
        (loop $again
          (br_if $done (i32.eqz (local.get $left)))
          (call $call (i32.const 16) (i32.const 4) (i32.const 24) (i32.const 2) (i32.const 64))
          (if (i32.load8_u (i32.const 64)) (then (unreachable)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br $again)))
      (i32.store8 (i32.const 96) (i32.const 0))
      (i32.store (i32.const 100) (i32.const 20))
      (i32.store (i32.const 104) (i32.const 4))
      (i32.const 96))
  )
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance $host))))
  (func $run (param "input" string) (result (result string (error string)))
    (canon lift (core func $guest "run") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (instance $agent (export "run" (func $run)))
  (export "cordon:agent/run@0.1.0" (instance $agent)))
