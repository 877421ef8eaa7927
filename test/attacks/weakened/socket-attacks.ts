import type { Attack } from './attack.ts'

const folder = 'src/host/providers/sockets'
const socketsTest = 'attacks/network/sockets.test.ts'
const lookupProvider = `${folder}/lookup-provider.ts`
const tcpProvider = `${folder}/tcp-provider.ts`
const datagramSocket = `${folder}/datagram-socket.ts`

/** B and E, as far as raw sockets go: TCP, UDP and name lookups. */
export const socketAttacks: readonly Attack[] = [
  {
    id: 'B2-sockets',
    tries: 'a granted name that leads inside, or to this host',
    proofs: [
      {
        test: socketsTest,
        named: 'a granted name that resolves to',
        without: [[lookupProvider, '(!isOwn && addressAllowed(canonical, rule))', '!isOwn']],
      },
      {
        test: socketsTest,
        named: 'an address of this host is reached by no name',
        without: [[lookupProvider, '!isOwn && ', '']],
      },
      {
        test: socketsTest,
        named: 'an address that became this host’s after the lookup',
        without: [[tcpProvider, 'refuseOwnAddress(target.address, rule, this.#world.ownAddresses)', 'void refuseOwnAddress']],
      },
      {
        test: socketsTest,
        named: 'an address that no name gave to this session',
        without: [
          ['src/core/policy/match-sockets.ts', 'classOfNamed(host) && names.some((name) => hostMatches(host, name))', 'classOfNamed(host)'],
        ],
      },
      {
        test: socketsTest,
        named: 'is no address: nothing is dialled, bound or sent',
        without: [[`${folder}/sockets-world.ts`, 'isIP(text) === 0 ? undefined : normaliseHost(text)', 'normaliseHost(text)']],
      },
    ],
  },
  {
    id: 'B7-sockets',
    tries: 'a listening place that was not granted',
    proofs: [
      {
        test: socketsTest,
        named: 'no address in particular',
        without: [[`${folder}/sockets-world.ts`, 'if (isUnspecified(address)) throw', 'if (address === "") throw']],
      },
      {
        test: socketsTest,
        named: 'a port that was bound for a client cannot be listened on',
        without: [[tcpProvider, 'if (address !== target.address || port !== target.port) {', 'if (address === "") {']],
      },
      {
        test: socketsTest,
        named: 'binding tells nobody without a grant',
        without: [
          [
            tcpProvider,
            'return args.port === 0 && this.#world.grants.tcp.length > 0 && isUnremarkable',
            'return args.port >= 0 || isUnremarkable',
          ],
        ],
      },
    ],
  },
  {
    id: 'B11-sockets',
    tries: 'names as a way out',
    proofs: [
      {
        test: socketsTest,
        named: 'never reaches the resolver',
        without: [
          ['src/core/policy/match-sockets.ts', 'rules.find(({ host }) => hostMatches(host, name))', 'rules.find(() => name !== "")'],
        ],
      },
      {
        test: socketsTest,
        named: 'lookups of one session go out one after the other',
        without: [[lookupProvider, 'new Turns(1)', 'new Turns(100)']],
      },
    ],
  },
  {
    id: 'B12-sockets',
    tries: 'datagrams from strangers, and floods of them',
    proofs: [
      {
        test: socketsTest,
        named: 'of strangers reach no client',
        without: [[datagramSocket, 'if (!this.#admits(address, from.port)) {', 'if (this.#closed !== undefined) {']],
      },
      {
        test: socketsTest,
        named: 'that nobody receives are lost, not kept',
        without: [[datagramSocket, 'this.#queue.length >= maxQueued ||', '']],
      },
      {
        test: socketsTest,
        named: 'go out one session’s allowance of bytes',
        without: [[`${folder}/udp-provider.ts`, "effect: 'external', egressBytes: call.body.length }", "effect: 'external' }"]],
      },
    ],
  },
  {
    id: 'E3-sockets',
    tries: 'sockets without number, peers without end, and what a session leaves open',
    proofs: [
      {
        test: socketsTest,
        named: 'open its address, which can be anybody',
        without: [[datagramSocket, 'Math.min(maxSavedBytes, left + answerBytes)', 'Number.POSITIVE_INFINITY']],
      },
      {
        test: socketsTest,
        named: 'connections that their peers have left',
        without: [
          [`${folder}/tcp-listener.ts`, 'void held?.closed.then(() => this.#budget.give())', 'void held'],
          [`${folder}/tcp-listener.ts`, 'closed.resolve), closed', '() => { closed.resolve(); this.#budget.give() }), closed'],
        ],
      },
      {
        test: socketsTest,
        named: 'a session has a bounded number of sockets',
        without: [[`${folder}/socket-budget.ts`, 'if (this.#open >= maxSockets) return false', '']],
      },
      {
        test: socketsTest,
        named: 'a crowd that nobody accepts is sent away',
        without: [[`${folder}/tcp-listener.ts`, 'this.#queue.length >= maxQueued || ', '']],
      },
      {
        test: socketsTest,
        named: 'a peer that sends without end fills no memory',
        without: [[`${folder}/tcp-connection.ts`, ', this.#session.ingressLeft)', ')']],
      },
      {
        test: socketsTest,
        named: 'when the session ends, everything that waits gives up',
        without: [[tcpProvider, "signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true })", 'void signal']],
      },
    ],
  },
]
