;; Built against the earlier draft of wasi:keyvalue: adds its parameter to the key `n` of the store of the empty name, twice, and gives the sum; 0 stands for any error.
;; With `page` it asks for a page of keys instead, from that number on, and gives how many there are.
(component
  (import "wasi:keyvalue/store@0.2.0-draft" (instance $store
    (export "bucket" (type $bucket (sub resource)))
    (type $store-error (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $store-error)))
    (type $response (record (field "keys" (list string)) (field "cursor" (option u64))))
    (export "key-response" (type $key-response (eq $response)))
    (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))
    (export "[method]bucket.list-keys"
      (func (param "self" (borrow $bucket)) (param "cursor" (option u64)) (result (result $key-response (error $error)))))))
  (alias export $store "bucket" (type $bucket))
  (alias export $store "error" (type $error))
  (import "wasi:keyvalue/atomics@0.2.0-draft" (instance $atomics
    (alias outer 1 $bucket (type $outer-bucket))
    (export "bucket" (type $bucket (eq $outer-bucket)))
    (alias outer 1 $error (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (export "increment"
      (func (param "bucket" (borrow $bucket)) (param "key" string) (param "delta" u64) (result (result u64 (error $error)))))))
  (core module $memory-module
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    ;; A bump allocator: nothing is ever freed.
    (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (local.get $at)))
  (core instance $memory (instantiate $memory-module))
  (core func $open (canon lower (func $store "open") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $list
    (canon lower (func $store "[method]bucket.list-keys") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $increment
    (canon lower (func $atomics "increment") (memory (core memory $memory "memory")) (realloc (core func $memory "cabi_realloc"))))
  (core func $drop (canon resource.drop $bucket))
  (core instance $host
    (export "open" (func $open)) (export "list" (func $list)) (export "increment" (func $increment)) (export "drop" (func $drop)))
  (core module $module
    (import "memory" "memory" (memory 2))
    (import "host" "open" (func $open (param i32 i32 i32)))
    (import "host" "list" (func $list (param i32 i32 i64 i32)))
    (import "host" "increment" (func $increment (param i32 i32 i32 i64 i32)))
    (import "host" "drop" (func $drop (param i32)))
    (data (i32.const 0) "n")
    (func $opened (result i32)
      (call $open (i32.const 0) (i32.const 0) (i32.const 16))
      (if (i32.load8_u (i32.const 16)) (then (return (i32.const 0))))
      (i32.load (i32.const 20)))
    (func (export "count") (param $delta i64) (result i64)
      (local $bucket i32)
      (local.set $bucket (call $opened))
      (if (i32.eqz (local.get $bucket)) (then (return (i64.const 0))))
      (call $increment (local.get $bucket) (i32.const 0) (i32.const 1) (local.get $delta) (i32.const 64))
      (call $increment (local.get $bucket) (i32.const 0) (i32.const 1) (local.get $delta) (i32.const 64))
      (call $drop (local.get $bucket))
      (if (i32.load8_u (i32.const 64)) (then (return (i64.const 0))))
      (i64.load (i32.const 72)))
    (func (export "page") (param $from i64) (result i32)
      (call $list (call $opened) (i32.const 1) (local.get $from) (i32.const 128))
      (if (i32.load8_u (i32.const 128)) (then (return (i32.const -1))))
      (i32.load (i32.const 140))))
  (core instance $guest (instantiate $module (with "memory" (instance $memory)) (with "host" (instance $host))))
  (func $count (param "delta" u64) (result u64) (canon lift (core func $guest "count")))
  (func $page (param "from" u64) (result u32) (canon lift (core func $guest "page")))
  (export "count" (func $count))
  (export "page" (func $page)))
