;; A plain function whose result is 100,000 strings that are all the same 64 KiB of guest memory:
;; small in the guest, 6.5 GB when each is lifted.
(component
  (core module $module
    (memory (export "memory") 16)
    (func (export "run") (result i32)
      (local $at i32)
      (local.set $at (i32.const 131072))
      (loop $next
        (i32.store (local.get $at) (i32.const 0))
        (i32.store offset=4 (local.get $at) (i32.const 65536))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 931072))))
      (i32.store (i32.const 65540) (i32.const 131072))
      (i32.store (i32.const 65544) (i32.const 100000))
      (i32.const 65540))
  )
  (core instance $guest (instantiate $module))
  (func $run (result (list string)) (canon lift (core func $guest "run") (memory (core memory $guest "memory"))))
  (export "run" (func $run)))
