;; Moves bytes through streams, as its input says: one letter and numbers, parted by single spaces.
;;   `r CHUNK`       reads the file `in` to its end, CHUNK bytes asked for at a time, and forgets it
;;   `c CHUNK`       copies `in` to `out` through its own memory
;;   `s CHUNK`       copies `in` to `out` by splicing
;;   `d CHUNK HOST`  downloads `http://HOST/` and forgets it
;;   `u CHUNK HOST BYTES`  uploads BYTES bytes to `http://HOST/`
;;   `f CHUNK HOST`  downloads `http://HOST/` into `out` by splicing
;;   `p COUNT ROUNDS`  polls COUNT pollables ROUNDS times, all but the last of them far from ready, and that one ready
;; The answer is the count of bytes, or of polls. A core module; `bench/stream-guest.ts` makes the component of it.
(module
  (import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $get_directories (param i32)))
  (import "wasi:filesystem/types@0.2.12" "[method]descriptor.open-at"
    (func $open_at (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.12" "[method]descriptor.read-via-stream" (func $read_via (param i32 i64 i32)))
  (import "wasi:filesystem/types@0.2.12" "[method]descriptor.write-via-stream" (func $write_via (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $blocking_read (param i32 i64 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.check-write" (func $check_write (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-flush" (func $blocking_flush (param i32 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-splice" (func $blocking_splice (param i32 i32 i64 i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.subscribe" (func $subscribe_out (param i32) (result i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]input-stream" (func $drop_input (param i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop_output (param i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.12" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:io/poll@0.2.12" "[resource-drop]pollable" (func $drop_pollable (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe_duration (param i64) (result i32)))
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority"
    (func $set_authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme"
    (func $set_scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $set_method (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $request_body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $body_write (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $body_finish (param i32 i32 i32 i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe_future (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $future_get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $body_stream (param i32 i32)))

  (memory (export "memory") 40)
  ;; 64: what a call gives back. 1024: the input. 8192: handles to poll. 65536: everything else that comes in, again and again.
  (global $top (mut i32) (i32.const 1024))
  (global $at (mut i32) (i32.const 1024))
  (global $end (mut i32) (i32.const 0))
  (data (i32.const 16) "inout")

  ;; The input first, then from 65536 on, where `$reuse` begins again: what a call gave is used up before the next one.
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func $reuse (global.set $top (i32.const 65536)))

  (func $assert (param $ok i32) (if (i32.eqz (local.get $ok)) (then (unreachable))))
  ;; The first field of a result that must be ok.
  (func $ok (result i32) (call $assert (i32.eqz (i32.load8_u (i32.const 64)))) (i32.load (i32.const 68)))

  ;; The end of the word that begins at $at.
  (func $word (result i32) (local $to i32)
    (local.set $to (global.get $at))
    (block $found
      (loop $next
        (br_if $found (i32.ge_u (local.get $to) (global.get $end)))
        (br_if $found (i32.eq (i32.load8_u (local.get $to)) (i32.const 32)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $next)))
    (local.get $to))

  (func $number (result i64) (local $to i32) (local $value i64)
    (local.set $to (call $word))
    (block $done
      (loop $digit
        (br_if $done (i32.ge_u (global.get $at) (local.get $to)))
        (local.set $value (i64.add (i64.mul (local.get $value) (i64.const 10))
          (i64.extend_i32_u (i32.sub (i32.load8_u (global.get $at)) (i32.const 48)))))
        (global.set $at (i32.add (global.get $at) (i32.const 1)))
        (br $digit)))
    (global.set $at (i32.add (local.get $to) (i32.const 1)))
    (local.get $value))

  (func $directory (result i32)
    (call $reuse)
    (call $get_directories (i32.const 64))
    (i32.load (i32.load (i32.const 64))))

  (func $input (result i32)
    (call $open_at (call $directory) (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 64))
    (call $read_via (call $ok) (i64.const 0) (i32.const 64))
    (call $ok))

  (func $output (result i32)
    (call $open_at (call $directory) (i32.const 0) (i32.const 18) (i32.const 3) (i32.const 9) (i32.const 2) (i32.const 64))
    (call $write_via (call $ok) (i64.const 0) (i32.const 64))
    (call $ok))

  ;; Sends a request; gives its future. A body is finished by `$finish`.
  (global $body (mut i32) (i32.const 0))
  (func $send (param $method i32) (result i32) (local $request i32)
    (local.set $request (call $request (call $fields)))
    (call $assert (i32.eqz (call $set_scheme (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))))
    (call $assert (i32.eqz (call $set_authority (local.get $request) (i32.const 1) (global.get $at)
      (i32.sub (call $word) (global.get $at)))))
    (global.set $at (i32.add (call $word) (i32.const 1)))
    (call $assert (i32.eqz (call $set_method (local.get $request) (local.get $method) (i32.const 0) (i32.const 0))))
    (call $request_body (local.get $request) (i32.const 64))
    (global.set $body (call $ok))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 64))
    (call $assert (i32.eqz (i32.load8_u (i32.const 64))))
    (i32.load (i32.const 72)))

  (func $finish
    (call $body_finish (global.get $body) (i32.const 0) (i32.const 0) (i32.const 64))
    (call $assert (i32.eqz (i32.load8_u (i32.const 64)))))

  ;; The body of the response.
  (func $response (param $future i32) (result i32)
    (call $block (call $subscribe_future (local.get $future)))
    (call $future_get (local.get $future) (i32.const 64))
    (call $assert (i32.load8_u (i32.const 64)))
    (call $assert (i32.eqz (i32.load8_u (i32.const 72))))
    (call $assert (i32.eqz (i32.load8_u (i32.const 80))))
    (call $consume (i32.load (i32.const 88)) (i32.const 64))
    (call $body_stream (call $ok) (i32.const 64))
    (call $ok))

  ;; Reads to the end.
  (func $drain (param $stream i32) (param $chunk i64) (result i64) (local $total i64)
    (block $closed
      (loop $more
        (call $reuse)
        (call $blocking_read (local.get $stream) (local.get $chunk) (i32.const 64))
        (br_if $closed (i32.load8_u (i32.const 64)))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (i32.load (i32.const 72)))))
        (br $more)))
    ;; closed, and no failure
    (call $assert (i32.load8_u (i32.const 68)))
    (call $drop_input (local.get $stream))
    (local.get $total))

  (func $flush (param $out i32)
    (call $blocking_flush (local.get $out) (i32.const 64))
    (call $assert (i32.eqz (i32.load8_u (i32.const 64))))
    (call $drop_output (local.get $out)))

  ;; Writes all $length bytes at $from, each piece as long as is permitted.
  (func $put (param $out i32) (param $ready i32) (param $from i32) (param $length i32) (local $room i32)
    (block $all
      (loop $more
        (br_if $all (i32.eqz (local.get $length)))
        (call $check_write (local.get $out) (i32.const 64))
        (call $assert (i32.eqz (i32.load8_u (i32.const 64))))
        (local.set $room (i32.load (i32.const 72)))
        (if (i32.eqz (local.get $room)) (then (call $block (local.get $ready)) (br $more)))
        (if (i32.gt_u (local.get $room) (local.get $length)) (then (local.set $room (local.get $length))))
        (call $write (local.get $out) (local.get $from) (local.get $room) (i32.const 64))
        (call $assert (i32.eqz (i32.load8_u (i32.const 64))))
        (local.set $from (i32.add (local.get $from) (local.get $room)))
        (local.set $length (i32.sub (local.get $length) (local.get $room)))
        (br $more))))

  (func $copy (param $in i32) (param $out i32) (param $chunk i64) (result i64) (local $total i64) (local $ready i32)
    (local.set $ready (call $subscribe_out (local.get $out)))
    (block $closed
      (loop $more
        (call $reuse)
        (call $blocking_read (local.get $in) (local.get $chunk) (i32.const 64))
        (br_if $closed (i32.load8_u (i32.const 64)))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (i32.load (i32.const 72)))))
        (call $put (local.get $out) (local.get $ready) (i32.load (i32.const 68)) (i32.load (i32.const 72)))
        (br $more)))
    (call $assert (i32.load8_u (i32.const 68)))
    (call $drop_pollable (local.get $ready))
    (call $flush (local.get $out))
    (local.get $total))

  (func $splice (param $in i32) (param $out i32) (param $chunk i64) (result i64) (local $total i64)
    (block $closed
      (loop $more
        (call $blocking_splice (local.get $out) (local.get $in) (local.get $chunk) (i32.const 64))
        (br_if $closed (i32.load8_u (i32.const 64)))
        (local.set $total (i64.add (local.get $total) (i64.load (i32.const 72))))
        (br $more)))
    (call $assert (i32.load8_u (i32.const 72)))
    (call $flush (local.get $out))
    (local.get $total))

  (func $upload (param $chunk i64) (result i64) (local $future i32) (local $out i32) (local $ready i32) (local $left i64) (local $piece i64)
    (local.set $future (call $send (i32.const 2)))
    (local.set $left (call $number))
    (call $body_write (global.get $body) (i32.const 64))
    (local.set $out (call $ok))
    (local.set $ready (call $subscribe_out (local.get $out)))
    (block $all
      (loop $more
        (br_if $all (i64.eqz (local.get $left)))
        (local.set $piece (select (local.get $chunk) (local.get $left) (i64.lt_u (local.get $chunk) (local.get $left))))
        (call $put (local.get $out) (local.get $ready) (i32.const 65536) (i32.wrap_i64 (local.get $piece)))
        (local.set $left (i64.sub (local.get $left) (local.get $piece)))
        (br $more)))
    (call $drop_pollable (local.get $ready))
    (call $flush (local.get $out))
    (call $finish)
    (call $drain (call $response (local.get $future)) (i64.const 65536)))

  (func $download (param $chunk i64) (result i64) (local $future i32)
    (local.set $future (call $send (i32.const 0)))
    (call $finish)
    (call $drain (call $response (local.get $future)) (local.get $chunk)))

  (func $fetch (param $chunk i64) (result i64) (local $future i32)
    (local.set $future (call $send (i32.const 0)))
    (call $finish)
    (call $splice (call $response (local.get $future)) (call $output) (local.get $chunk)))

  (func $polls (param $count i64) (result i64) (local $rounds i64) (local $done i64) (local $at i32) (local $last i32)
    (local.set $rounds (call $number))
    (local.set $last (i32.add (i32.const 8192) (i32.shl (i32.wrap_i64 (local.get $count)) (i32.const 2))))
    (local.set $last (i32.sub (local.get $last) (i32.const 4)))
    (local.set $at (i32.const 8192))
    (block $made
      (loop $make
        (br_if $made (i32.ge_u (local.get $at) (local.get $last)))
        (i32.store (local.get $at) (call $subscribe_duration (i64.const 3600000000000)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $make)))
    (block $enough
      (loop $again
        (br_if $enough (i64.ge_u (local.get $done) (local.get $rounds)))
        (i32.store (local.get $last) (call $subscribe_duration (i64.const 0)))
        (call $reuse)
        (call $poll (i32.const 8192) (i32.wrap_i64 (local.get $count)) (i32.const 64))
        (call $assert (i32.eq (i32.load (i32.const 68)) (i32.const 1)))
        (call $drop_pollable (i32.load (local.get $last)))
        (local.set $done (i64.add (local.get $done) (i64.const 1)))
        (br $again)))
    (local.get $done))

  (func $act (param $mode i32) (param $chunk i64) (result i64)
    (if (i32.eq (local.get $mode) (i32.const 0x72)) (then (return (call $drain (call $input) (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x63)) (then (return (call $copy (call $input) (call $output) (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x73)) (then (return (call $splice (call $input) (call $output) (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x64)) (then (return (call $download (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x75)) (then (return (call $upload (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x66)) (then (return (call $fetch (local.get $chunk)))))
    (if (i32.eq (local.get $mode) (i32.const 0x70)) (then (return (call $polls (local.get $chunk)))))
    (unreachable))

  ;; The input is JSON: what counts is between the quotes.
  (func (export "cordon:agent/run@0.1.0#run") (param $input i32) (param $length i32) (result i32)
    (local $mode i32) (local $value i64) (local $from i32)
    (global.set $end (i32.sub (i32.add (local.get $input) (local.get $length)) (i32.const 1)))
    (local.set $mode (i32.load8_u (i32.add (local.get $input) (i32.const 1))))
    (global.set $at (i32.add (local.get $input) (i32.const 3)))
    (local.set $value (call $act (local.get $mode) (call $number)))
    (local.set $from (i32.const 1000))
    (loop $digit
      (local.set $from (i32.sub (local.get $from) (i32.const 1)))
      (i32.store8 (local.get $from) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
      (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
      (br_if $digit (i64.ne (local.get $value) (i64.const 0))))
    (i32.store8 (i32.const 64) (i32.const 0))
    (i32.store (i32.const 68) (local.get $from))
    (i32.store (i32.const 72) (i32.sub (i32.const 1000) (local.get $from)))
    (i32.const 64)))
