;; Asks for a secret again and again, whatever the answer: each call is decided, recorded and counted.
(component
  (import "cordon:agent/secrets@0.1.0" (instance $secrets
    (type $reason (enum "denied" "unknown" "unavailable"))
    (export "secret-error" (type $secret-error (eq $reason)))
    (export "use" (func (param "name" string) (result (result string (error $secret-error)))))))
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
  (core func $use (canon lower (func $secrets "use") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core instance $host (export "use" (func $use)))
  (core module $module
    (import "memory" "memory" (memory 1))
    (import "host" "use" (func $use (param $name i32) (param $length i32) (param $result i32)))
    (data (i32.const 16) "none")
    (func (export "run") (param $input i32) (param $length i32) (result i32)
      (loop $again
        (call $use (i32.const 16) (i32.const 4) (i32.const 32))
        (br $again))
      (unreachable))
  )
  (core instance $guest (instantiate $module
    (with "memory" (instance $memory))
    (with "host" (instance $host))))
  (func $run (param "input" string) (result (result string (error string)))
    (canon lift (core func $guest "run") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (instance $agent (export "run" (func $run)))
  (export "cordon:agent/run@0.1.0" (instance $agent)))
