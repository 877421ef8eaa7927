;; Asks for timers and never gives one back.
(component
  (import "wasi:io/poll@0.2.12" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $timer))
  (import "wasi:clocks/monotonic-clock@0.2.12" (instance $clock
    (alias outer 1 $timer (type $timer-type))
    (export "pollable" (type $pollable (eq $timer-type)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
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
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $drop (canon resource.drop $timer))
  (core instance $host
    (export "subscribe" (func $subscribe)) (export "block" (func $block)) (export "drop" (func $drop)))
  (core module $module
    (import "memory" "memory" (memory 1))
    (import "host" "subscribe" (func $subscribe (param $nanoseconds i64) (result i32)))
    (import "host" "block" (func $block (param $pollable i32)))
    (import "host" "drop" (func $drop (param $pollable i32)))
    (func (export "run") (param $input i32) (param $length i32) (result i32)
      (loop $again
        (drop (call $subscribe (i64.const 3600000000000)))
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
