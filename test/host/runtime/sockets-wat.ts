import { agentWat } from '../../cell/component-of.ts'

/** The error codes of wasi:sockets in the order of their enum. */
export const errorCodes = [
  'unknown',
  'access-denied',
  'not-supported',
  'invalid-argument',
  'out-of-memory',
  'timeout',
  'concurrency-conflict',
  'not-in-progress',
  'would-block',
  'invalid-state',
  'new-socket-limit',
  'address-not-bindable',
  'address-in-use',
  'remote-unreachable',
  'connection-refused',
  'connection-reset',
  'connection-aborted',
  'datagram-too-large',
  'name-unresolvable',
  'temporary-resolver-failure',
  'permanent-resolver-failure',
] as const

const version = '0.2.8'
const result = (ok: string): string => `(result (result ${ok} (error $ec)))`

/** Lets an instance type use types of other instances under their names. */
const uses = (...names: readonly (readonly [outer: string, name: string, inner: string])[]): string =>
  names
    .map(([outer, name, inner]) => `(alias outer $top ${outer} (type ${inner}-of)) (export "${name}" (type ${inner} (eq ${inner}-of)))`)
    .join('\n')

const types = `
  (import "wasi:io/error@${version}" (instance $error (export "error" (type $e (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/poll@${version}" (instance $poll
    (export "pollable" (type $p (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $p))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@${version}" (instance $streams
    ${uses(['$io-error', 'error', '$er'])}
    (type $se-of (variant (case "last-operation-failed" (own $er)) (case "closed")))
    (export "stream-error" (type $se (eq $se-of)))
    (export "input-stream" (type $is (sub resource)))
    (export "output-stream" (type $os (sub resource)))
    (export "[method]input-stream.blocking-read" (func (param "self" (borrow $is)) (param "len" u64)
      (result (result (list u8) (error $se)))))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $os)) (param "contents" (list u8))
      (result (result (error $se)))))))
  (alias export $streams "input-stream" (type $input-stream))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:sockets/network@${version}" (instance $network
    (export "network" (type $n (sub resource)))
    (type $ec-of (enum ${errorCodes.map((code) => `"${code}"`).join(' ')})) (export "error-code" (type $ec (eq $ec-of)))
    (type $fam-of (enum "ipv4" "ipv6")) (export "ip-address-family" (type $fam (eq $fam-of)))
    (type $v4 (tuple u8 u8 u8 u8))
    (type $v6 (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (type $ip-of (variant (case "ipv4" $v4) (case "ipv6" $v6))) (export "ip-address" (type $ip (eq $ip-of)))
    (type $s4-of (record (field "port" u16) (field "address" $v4))) (export "ipv4-socket-address" (type $s4 (eq $s4-of)))
    (type $s6-of (record (field "port" u16) (field "flow-info" u32) (field "address" $v6) (field "scope-id" u32)))
    (export "ipv6-socket-address" (type $s6 (eq $s6-of)))
    (type $sa-of (variant (case "ipv4" $s4) (case "ipv6" $s6))) (export "ip-socket-address" (type $sa (eq $sa-of)))))
  (alias export $network "network" (type $net))
  (alias export $network "error-code" (type $code))
  (alias export $network "ip-address-family" (type $family))
  (alias export $network "ip-address" (type $address))
  (alias export $network "ip-socket-address" (type $place))
  (import "wasi:sockets/instance-network@${version}" (instance $instance
    ${uses(['$net', 'network', '$n'])}
    (export "instance-network" (func (result (own $n))))))`

const tcp = `
  (import "wasi:sockets/tcp@${version}" (instance $tcp
    ${uses(['$net', 'network', '$n'], ['$code', 'error-code', '$ec'], ['$place', 'ip-socket-address', '$sa'])}
    ${uses(['$input-stream', 'input-stream', '$is'], ['$output-stream', 'output-stream', '$os'], ['$pollable', 'pollable', '$p'])}
    (export "tcp-socket" (type $t (sub resource)))
    (export "[method]tcp-socket.start-bind"
      (func (param "self" (borrow $t)) (param "network" (borrow $n)) (param "local-address" $sa) ${result('')}))
    (export "[method]tcp-socket.finish-bind" (func (param "self" (borrow $t)) ${result('')}))
    (export "[method]tcp-socket.start-connect"
      (func (param "self" (borrow $t)) (param "network" (borrow $n)) (param "remote-address" $sa) ${result('')}))
    (export "[method]tcp-socket.finish-connect" (func (param "self" (borrow $t)) ${result('(tuple (own $is) (own $os))')}))
    (export "[method]tcp-socket.start-listen" (func (param "self" (borrow $t)) ${result('')}))
    (export "[method]tcp-socket.finish-listen" (func (param "self" (borrow $t)) ${result('')}))
    (export "[method]tcp-socket.accept" (func (param "self" (borrow $t)) ${result('(tuple (own $t) (own $is) (own $os))')}))
    (export "[method]tcp-socket.subscribe" (func (param "self" (borrow $t)) (result (own $p))))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@${version}" (instance $create-tcp
    ${uses(['$code', 'error-code', '$ec'], ['$family', 'ip-address-family', '$fam'], ['$tcp-socket', 'tcp-socket', '$t'])}
    (export "create-tcp-socket" (func (param "address-family" $fam) ${result('(own $t)')}))))`

const udp = `
  (import "wasi:sockets/udp@${version}" (instance $udp
    ${uses(['$net', 'network', '$n'], ['$code', 'error-code', '$ec'], ['$place', 'ip-socket-address', '$sa'], ['$pollable', 'pollable', '$p'])}
    (type $in-of (record (field "data" (list u8)) (field "remote-address" $sa))) (export "incoming-datagram" (type $in (eq $in-of)))
    (type $out-of (record (field "data" (list u8)) (field "remote-address" (option $sa)))) (export "outgoing-datagram" (type $out (eq $out-of)))
    (export "udp-socket" (type $u (sub resource)))
    (export "incoming-datagram-stream" (type $ids (sub resource)))
    (export "outgoing-datagram-stream" (type $ods (sub resource)))
    (export "[method]udp-socket.start-bind"
      (func (param "self" (borrow $u)) (param "network" (borrow $n)) (param "local-address" $sa) ${result('')}))
    (export "[method]udp-socket.finish-bind" (func (param "self" (borrow $u)) ${result('')}))
    (export "[method]udp-socket.stream"
      (func (param "self" (borrow $u)) (param "remote-address" (option $sa)) ${result('(tuple (own $ids) (own $ods))')}))
    (export "[method]udp-socket.subscribe" (func (param "self" (borrow $u)) (result (own $p))))
    (export "[method]incoming-datagram-stream.receive" (func (param "self" (borrow $ids)) (param "max-results" u64) ${result('(list $in)')}))
    (export "[method]incoming-datagram-stream.subscribe" (func (param "self" (borrow $ids)) (result (own $p))))
    (export "[method]outgoing-datagram-stream.check-send" (func (param "self" (borrow $ods)) ${result('u64')}))
    (export "[method]outgoing-datagram-stream.send"
      (func (param "self" (borrow $ods)) (param "datagrams" (list $out)) ${result('u64')}))))
  (alias export $udp "udp-socket" (type $udp-socket))
  (import "wasi:sockets/udp-create-socket@${version}" (instance $create-udp
    ${uses(['$code', 'error-code', '$ec'], ['$family', 'ip-address-family', '$fam'], ['$udp-socket', 'udp-socket', '$u'])}
    (export "create-udp-socket" (func (param "address-family" $fam) ${result('(own $u)')}))))`

const lookup = `
  (import "wasi:sockets/ip-name-lookup@${version}" (instance $names
    ${uses(['$net', 'network', '$n'], ['$code', 'error-code', '$ec'], ['$address', 'ip-address', '$ip'], ['$pollable', 'pollable', '$p'])}
    (export "resolve-address-stream" (type $r (sub resource)))
    (export "resolve-addresses" (func (param "network" (borrow $n)) (param "name" string) ${result('(own $r)')}))
    (export "[method]resolve-address-stream.resolve-next-address" (func (param "self" (borrow $r)) ${result('(option $ip)')}))
    (export "[method]resolve-address-stream.subscribe" (func (param "self" (borrow $r)) (result (own $p))))))`

/** Core names, the instances they come from, their names there and their core types. */
const functions: readonly (readonly [core: string, instance: string, name: string, type: string])[] = [
  ['block', '$poll', '[method]pollable.block', '(param i32)'],
  ['network', '$instance', 'instance-network', '(result i32)'],
  ['read', '$streams', '[method]input-stream.blocking-read', '(param i32 i64 i32)'],
  ['write', '$streams', '[method]output-stream.blocking-write-and-flush', '(param i32 i32 i32 i32)'],
  ['tcp', '$create-tcp', 'create-tcp-socket', '(param i32 i32)'],
  ['tcp-start-bind', '$tcp', '[method]tcp-socket.start-bind', `(param ${'i32 '.repeat(15)})`],
  ['tcp-finish-bind', '$tcp', '[method]tcp-socket.finish-bind', '(param i32 i32)'],
  ['start-connect', '$tcp', '[method]tcp-socket.start-connect', `(param ${'i32 '.repeat(15)})`],
  ['finish-connect', '$tcp', '[method]tcp-socket.finish-connect', '(param i32 i32)'],
  ['start-listen', '$tcp', '[method]tcp-socket.start-listen', '(param i32 i32)'],
  ['finish-listen', '$tcp', '[method]tcp-socket.finish-listen', '(param i32 i32)'],
  ['accept', '$tcp', '[method]tcp-socket.accept', '(param i32 i32)'],
  ['tcp-subscribe', '$tcp', '[method]tcp-socket.subscribe', '(param i32) (result i32)'],
  ['udp', '$create-udp', 'create-udp-socket', '(param i32 i32)'],
  ['udp-start-bind', '$udp', '[method]udp-socket.start-bind', `(param ${'i32 '.repeat(15)})`],
  ['udp-finish-bind', '$udp', '[method]udp-socket.finish-bind', '(param i32 i32)'],
  ['stream', '$udp', '[method]udp-socket.stream', `(param ${'i32 '.repeat(15)})`],
  ['udp-subscribe', '$udp', '[method]udp-socket.subscribe', '(param i32) (result i32)'],
  ['receive', '$udp', '[method]incoming-datagram-stream.receive', '(param i32 i64 i32)'],
  ['arrival', '$udp', '[method]incoming-datagram-stream.subscribe', '(param i32) (result i32)'],
  ['check-send', '$udp', '[method]outgoing-datagram-stream.check-send', '(param i32 i32)'],
  ['send', '$udp', '[method]outgoing-datagram-stream.send', '(param i32 i32 i32 i32)'],
  ['resolve', '$names', 'resolve-addresses', '(param i32 i32 i32 i32)'],
  ['next', '$names', '[method]resolve-address-stream.resolve-next-address', '(param i32 i32)'],
  ['answer-there', '$names', '[method]resolve-address-stream.subscribe', '(param i32) (result i32)'],
]

/** What a driver may call besides: waiting, and steps that give up with the error code as two digits. Replies are written at 256. */
const steps = `
  (func $wait (param $pollable i32) (call $block (local.get $pollable)))
  (func $failed (result i32) (i32.load8_u (i32.const 256)))
  (func $code (result i32) (local $code i32)
    (local.set $code (i32.load8_u (i32.const 260)))
    (i32.store8 (i32.const 128) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
    (i32.store8 (i32.const 129) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
    (call $answer (i32.const 1) (i32.const 128) (i32.const 2)))`

/** The parameters of an IPv4 socket address on this host, flat. */
const ipv4 = (address: string, port: number): string => {
  const numbers = [0, port, ...address.split('.').map(Number), 0, 0, 0, 0, 0, 0]
  return numbers.map((number) => `(i32.const ${number})`).join(' ')
}

/** An agent that imports all of wasi:sockets; `run` is the body of its `run`, which gives the pointer to its answer. */
const socketsAgent = (run: string, data = ''): string => {
  const lowered = functions.map(
    ([core, instance, name]) =>
      `(core func $${core} (canon lower (func ${instance} "${name}") (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))))`,
  )
  return agentWat({
    around: [types, tcp, udp, lookup, ...lowered].join('\n'),
    with: `(with "sockets" (instance ${functions.map(([core]) => `(export "${core}" (func $${core}))`).join(' ')}))`,
    imports: functions.map(([core, , , type]) => `(import "sockets" "${core}" (func $${core} ${type}))`).join('\n'),
    core: `${steps} ${data}
      (func (export "run") (param i32 i32) (result i32)
        (local $net i32) (local $socket i32) (local $input i32) (local $output i32)
        (local.set $net (call $network))
        ${run})`,
  })
}

const orCode = '(if (call $failed) (then (return (call $code))))'
const ret = '(i32.const 256)'

/** Connects to 127.0.0.1, sends `"ping"`, and answers with what the server sends. */
export const tcpClient = (port: number): string =>
  socketsAgent(
    `
    (call $tcp (i32.const 0) ${ret}) ${orCode}
    (local.set $socket (i32.load (i32.const 260)))
    (call $start-connect (local.get $socket) (local.get $net) ${ipv4('127.0.0.1', port)} ${ret})
    (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 257))) (return (call $code))))
    (call $wait (call $tcp-subscribe (local.get $socket)))
    (call $finish-connect (local.get $socket) ${ret}) ${orCode}
    (local.set $input (i32.load (i32.const 260)))
    (local.set $output (i32.load (i32.const 264)))
    (call $write (local.get $output) (i32.const 512) (i32.const 6) ${ret})
    (call $read (local.get $input) (i64.const 64) ${ret}) ${orCode}
    (call $answer (i32.const 0) (i32.load (i32.const 260)) (i32.load (i32.const 264)))`,
    '(data (i32.const 512) "\\22ping\\22")',
  )

/** Listens on 127.0.0.1, accepts one connection, and sends back what it reads; answers with it too. */
export const tcpServer = (port: number): string =>
  socketsAgent(`
    (call $tcp (i32.const 0) ${ret}) ${orCode}
    (local.set $socket (i32.load (i32.const 260)))
    (call $tcp-start-bind (local.get $socket) (local.get $net) ${ipv4('127.0.0.1', port)} ${ret})
    (call $wait (call $tcp-subscribe (local.get $socket)))
    (call $tcp-finish-bind (local.get $socket) ${ret})
    (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 257))) (return (call $code))))
    (call $start-listen (local.get $socket) ${ret})
    (call $wait (call $tcp-subscribe (local.get $socket)))
    (call $finish-listen (local.get $socket) ${ret})
    (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 257))) (return (call $code))))
    (call $wait (call $tcp-subscribe (local.get $socket)))
    (call $accept (local.get $socket) ${ret}) ${orCode}
    (local.set $input (i32.load (i32.const 264)))
    (local.set $output (i32.load (i32.const 268)))
    (call $read (local.get $input) (i64.const 64) ${ret}) ${orCode}
    (i32.store (i32.const 300) (i32.load (i32.const 260)))
    (i32.store (i32.const 304) (i32.load (i32.const 264)))
    (call $write (local.get $output) (i32.load (i32.const 300)) (i32.load (i32.const 304)) ${ret})
    (call $answer (i32.const 0) (i32.load (i32.const 300)) (i32.load (i32.const 304)))`)

/** Sends `"ping"` to a peer on 127.0.0.1 and answers with the datagram that comes back. */
export const udpClient = (port: number): string =>
  socketsAgent(
    `
    (call $udp (i32.const 0) ${ret}) ${orCode}
    (local.set $socket (i32.load (i32.const 260)))
    (call $udp-start-bind (local.get $socket) (local.get $net) ${ipv4('0.0.0.0', 0)} ${ret})
    (call $wait (call $udp-subscribe (local.get $socket)))
    (call $udp-finish-bind (local.get $socket) ${ret})
    (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 257))) (return (call $code))))
    (call $stream (local.get $socket) (i32.const 1) ${ipv4('127.0.0.1', port)} ${ret}) ${orCode}
    (local.set $input (i32.load (i32.const 260)))
    (local.set $output (i32.load (i32.const 264)))
    (call $check-send (local.get $output) ${ret})
    (i32.store (i32.const 600) (i32.const 512))
    (i32.store (i32.const 604) (i32.const 6))
    (i32.store8 (i32.const 608) (i32.const 0))
    (call $send (local.get $output) (i32.const 600) (i32.const 1) ${ret})
    (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 264))) (return (call $code))))
    (call $wait (call $arrival (local.get $input)))
    (call $receive (local.get $input) (i64.const 4) ${ret}) ${orCode}
    (local.set $socket (i32.load (i32.const 260)))
    (call $answer (i32.const 0) (i32.load (local.get $socket)) (i32.load offset=4 (local.get $socket)))`,
    '(data (i32.const 512) "\\22ping\\22")',
  )

/** Looks `localhost` up and connects to the first address that it gives, which has to be an IPv4 one; answers with what the server sends. */
export const namedClient = (port: number): string =>
  socketsAgent(
    `
    (call $resolve (local.get $net) (i32.const 520) (i32.const 9) ${ret}) ${orCode}
    (local.set $input (i32.load (i32.const 260)))
    (call $wait (call $answer-there (local.get $input)))
    (loop $more
      (call $next (local.get $input) ${ret})
      (if (call $failed) (then (i32.store8 (i32.const 260) (i32.load8_u (i32.const 258))) (return (call $code))))
      ;; Skips IPv6 addresses.
      (br_if $more (i32.and (i32.load8_u (i32.const 258)) (i32.load8_u (i32.const 260)))))
    (call $tcp (i32.const 0) (i32.const 320))
    (local.set $socket (i32.load (i32.const 324)))
    (call $start-connect (local.get $socket) (local.get $net) (i32.const 0) (i32.const ${port})
      (i32.load8_u (i32.const 262)) (i32.load8_u (i32.const 263)) (i32.load8_u (i32.const 264)) (i32.load8_u (i32.const 265))
      ${'(i32.const 0) '.repeat(6)} ${ret})
    (call $wait (call $tcp-subscribe (local.get $socket)))
    (call $finish-connect (local.get $socket) ${ret}) ${orCode}
    (local.set $input (i32.load (i32.const 260)))
    (local.set $output (i32.load (i32.const 264)))
    (call $write (local.get $output) (i32.const 512) (i32.const 6) ${ret})
    (call $read (local.get $input) (i64.const 64) ${ret}) ${orCode}
    (call $answer (i32.const 0) (i32.load (i32.const 260)) (i32.load (i32.const 264)))`,
    '(data (i32.const 512) "\\22ping\\22\\00\\00localhost")',
  )
