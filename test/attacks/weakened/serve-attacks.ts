import type { Attack } from './attack.ts'

const serve = 'src/host/serve'
const requestHead = `${serve}/request-head.ts`
const responseHead = `${serve}/response-head.ts`
const listener = `${serve}/http-listener.ts`
const exchange = `${serve}/node-exchange.ts`
const test = 'attacks/network/serve.test.ts'

/** What is tried against an agent that is served, from either side of it. */
export const serveAttacks: readonly Attack[] = [
  {
    id: 'B8-serve',
    tries: 'to have a server act for another name, or as a way to elsewhere',
    proofs: [
      { test, named: 'B8.*TRACE, which', without: [[requestHead, "'CONNECT', 'TRACE', 'TRACK'", "'CONNECT'"]] },
      {
        test,
        named: 'B8.*an absolute target for another host',
        without: [[requestHead, 'if (!sameAuthority(named, host)) throw new Refusal(421)', '']],
      },
      {
        test,
        named: 'B8.*a name that was pointed here',
        without: [[`${serve}/served-hosts.ts`, '!isLoopback(listening) || ', 'isLoopback(listening) || ']],
      },
      {
        test,
        named: 'B8.*a WebSocket',
        without: [[requestHead, "named.includes('upgrade')) throw new Refusal(501)", "named.includes('upgrade')) return"]],
      },
      {
        test,
        named: 'B8.*nobody has a field taken out',
        without: [[requestHead, "option === '' || connectionOptions.has(option)", "option === '' || option !== ''"]],
      },
    ],
  },
  {
    id: 'B9-serve',
    tries: 'to hide a request inside another one, on the way in',
    proofs: [
      {
        test,
        named: 'B9.*a length and a coding|B9.*two lengths that differ|B9.*a header over two lines|B9.*a line feed alone',
        without: [
          [listener, 'insecureHTTPParser: false', 'insecureHTTPParser: true'],
          [requestHead, 'if (values.length > 1) throw new Refusal(400)', ''],
          [requestHead, '    if (length !== undefined) throw new Refusal(400)\n', ''],
        ],
      },
      {
        test: 'host/serve/request-head.test.ts',
        named: 'two lengths that agree|two Hosts',
        without: [[requestHead, 'if (values.length > 1) throw new Refusal(400)', '']],
      },
      {
        test: 'host/serve/request-head.test.ts',
        named: 'a coding before chunked',
        without: [[requestHead, "coding.toLowerCase() !== 'chunked'", "!coding.toLowerCase().endsWith('chunked')"]],
      },
      { test, named: 'B9.*with HTTP/1.0', without: [[requestHead, "if (raw.httpVersion !== '1.1')", "if (raw.httpVersion === '2.0')"]] },
      {
        test,
        named: 'B9.*sent before the answer is never looked at',
        without: [[listener, 'connection === undefined || connection.current !== undefined', 'connection === undefined']],
      },
      {
        test,
        named: 'B9.*in the middle of an answer by closing',
        without: [[listener, 'if (isBusy || !socket.writable)', 'if (!socket.writable)']],
      },
    ],
  },
  {
    id: 'B10-serve',
    tries: 'to split an answer, or to frame it in two ways',
    proofs: [
      {
        test: 'host/serve/response-head.test.ts',
        named: 'with a line feed in a value is refused|with a carriage return in a value is refused',
        without: [[`${serve}/field-rules.ts`, '/^[\\t\\u0020-\\u007e\\u0080-\\u00ff]{0,16384}$/', '/^[^]*$/']],
      },
      {
        test: 'host/serve/response-head.test.ts',
        named: 'with Transfer-Encoding is refused',
        without: [[responseHead, 'if (isConnectionField(name.toLowerCase()))', 'if (name === "")']],
      },
      {
        test: 'host/serve/response-head.test.ts',
        named: 'with two lengths is refused',
        without: [[responseHead, 'lengths.length > 1 || ', '']],
      },
      {
        test: 'host/serve/agent-server.test.ts',
        named: '/length/5/4 is cut',
        without: [
          [exchange, "if (typeof head.body === 'number' && this.#sent !== head.body) {", 'if (this.#sent < 0) {'],
          [
            exchange,
            "if (this.#state === 'answering') return this.cut(error?.code ?? 'cut')",
            'if (this.#state === "answering") return void this.#end([])',
          ],
        ],
      },
      {
        test: 'host/serve/agent-server.test.ts',
        named: '/traps-late is cut',
        without: [
          [
            exchange,
            "if (this.#state === 'answering') return this.cut(error?.code ?? 'cut')",
            'if (this.#state === "answering") return void this.#end([])',
          ],
        ],
      },
    ],
  },
  {
    id: 'C10-serve',
    tries: 'to see, in an instance that is reused, what another principal left in it',
    proofs: [
      {
        test,
        named: 'C10.*is never seen by another',
        without: [[`${serve}/instances.ts`, 'if (idle.instance.segment !== segment) continue', '']],
      },
      {
        test,
        named: 'C10.*is not reached by saying',
        without: [[`${serve}/principal.ts`, "value === undefined || value === '' || ", 'value === undefined ? true : ']],
      },
      {
        test: 'host/serve/agent-server.test.ts',
        named: 'is refused where requests cannot be told apart',
        without: [[`${serve}/agent-server.ts`, 'if (parts.reuse > 1 && !tellsApart(parts.principal)) {', 'if (parts.reuse < 1) {']],
      },
      {
        test: 'host/serve/principal.test.ts',
        named: 'of a header is its one value',
        without: [[`${serve}/principal.ts`, "createHash('sha256').update(value, 'latin1').digest('hex')", '0']],
      },
    ],
  },
  {
    id: 'E1-serve',
    tries: 'to wear a server out: slowly, in great numbers, by going away, by answering never',
    proofs: [
      { test, named: 'E1.*a head that never ends', without: [[listener, 'headersTimeout: limits.headerMs', 'headersTimeout: 60_000']] },
      { test, named: 'E1.*a body that trickles', without: [[`${serve}/request-body.ts`, 'this.#options.limits.stallMs', '60_000']] },
      { test, named: 'E1.*does not read holds its guest up', without: [[exchange, 'this.#options.limits.stallMs', '60_000']] },
      { test, named: 'E1.*a client that goes away', without: [[exchange, "this.#giveUp(0, 'gone')", 'return']] },
      {
        test,
        named: 'E1.*a flood waits in a queue',
        without: [[`${serve}/admission.ts`, 'if (this.#waiting.size >= this.#options.queued)', 'if (this.#waiting.size < 0)']],
      },
      { test, named: 'E1.*nobody waits in the queue', without: [[`${serve}/admission.ts`, 'this.#options.queueMs)', '60_000)']] },
      { test, named: 'E1.*connections past their number', without: [[listener, 'this.#server.maxConnections = limits.connections', '']] },
      { test, named: 'E1.*a head past its fields', without: [[requestHead, 'headers.length > most || ', '']] },
      {
        test,
        named: 'E1.*a head past its bytes',
        without: [
          [listener, 'maxHeaderSize: limits.headerBytes + limits.targetBytes', 'maxHeaderSize: 1_000_000'],
          [requestHead, ' || bytes > headerBytes', ''],
        ],
      },
      {
        test,
        named: 'E1.*a target past its bytes',
        without: [[requestHead, 'if (target.length > targetBytes) throw new Refusal(414)', '']],
      },
      {
        test,
        named: 'E1.*a body that says that it is too long',
        without: [[requestHead, 'if (Number(length) > bodyBytes) throw new Refusal(413)', '']],
      },
      {
        test,
        named: 'E1.*a body that turns out',
        without: [[`${serve}/request-body.ts`, 'if (this.#received > limits.bodyBytes)', 'if (this.#received < 0)']],
      },
    ],
  },
]
