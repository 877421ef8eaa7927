import type { Attack } from './attack.ts'

const serve = 'src/host/serve'
const listener = `${serve}/http-listener.ts`
const exchange = `${serve}/node-exchange.ts`
const test = 'attacks/network/serve.test.ts'
const exchangeTest = 'host/serve/node-exchange.test.ts'

/** What is tried against a running server, from either side of it; `service-attacks.ts` has what single messages try. */
export const serveAttacks: readonly Attack[] = [
  {
    id: 'B8-server',
    tries: 'to make a server change protocols',
    proofs: [
      {
        test,
        named: 'B8.*a WebSocket',
        without: [[`${serve}/request-head.ts`, "named.includes('upgrade')) throw new Refusal(501)", "named.includes('upgrade')) return"]],
      },
    ],
  },
  {
    id: 'B9-server',
    tries: 'a request that is sent before the one in front of it has its answer',
    proofs: [
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
    id: 'B10-server',
    tries: 'half an answer that looks whole, or more than was announced',
    proofs: [
      {
        test: exchangeTest,
        named: 'is cut when its guest is done with half an answer',
        without: [
          [
            exchange,
            "if (this.#state === 'answering') return this.cut(error?.code ?? 'cut')",
            "if (this.#state === 'answering') return void this.#end([])",
          ],
        ],
      },
      {
        test: exchangeTest,
        named: 'cuts a body that is longer than it said',
        without: [[exchange, 'this.#sent + bytes.length > head.body', 'this.#sent + bytes.length < 0']],
      },
      {
        test: exchangeTest,
        named: 'cuts a body that is shorter than it said',
        without: [[exchange, "if (typeof head.body === 'number' && this.#sent !== head.body) {", 'if (this.#sent < 0) {']],
      },
      {
        test: exchangeTest,
        named: 'no head before its record',
        without: [[exchange, 'this.#head = checked\n    await recorded\n', 'this.#head = checked\n']],
      },
    ],
  },
  {
    id: 'C10-server',
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
    id: 'E1-server',
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
      { test, named: 'E1.*a head past its fields', without: [[`${serve}/request-head.ts`, 'headers.length > most || ', '']] },
      {
        test,
        named: 'E1.*a head past its bytes',
        without: [
          [listener, 'maxHeaderSize: limits.headerBytes + limits.targetBytes', 'maxHeaderSize: 1_000_000'],
          [`${serve}/request-head.ts`, ' || bytes > headerBytes', ''],
        ],
      },
      {
        test,
        named: 'E1.*a target past its bytes',
        without: [[`${serve}/request-head.ts`, 'if (target.length > targetBytes) throw new Refusal(414)', '']],
      },
      {
        test,
        named: 'E1.*a body that says that it is too long',
        without: [[`${serve}/request-head.ts`, 'if (Number(length) > bodyBytes) throw new Refusal(413)', '']],
      },
      {
        test,
        named: 'E1.*a body that turns out',
        without: [[`${serve}/request-body.ts`, 'if (this.#received > limits.bodyBytes)', 'if (this.#received < 0)']],
      },
    ],
  },
]
