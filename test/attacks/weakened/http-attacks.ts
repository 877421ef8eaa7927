import type { Attack } from './attack.ts'

const http = 'src/host/providers/http'
const servers = 'attacks/network/hostile-servers.test.ts'
const serve = 'src/host/serve'
const clients = 'attacks/network/hostile-clients.test.ts'
const tls = 'attacks/network/tls.test.ts'

/** What those try who are at the other end of a connection: servers that guests may reach, and clients of an agent that is served. */
export const httpAttacks: readonly Attack[] = [
  {
    id: 'H1',
    tries: 'to keep the host busy with a response that is small',
    proofs: [
      {
        test: servers,
        named: 'with white space inside field values',
        without: [[`${http}/field-section.ts`, "withoutBlanks(match[2] ?? '')", "(match[2] ?? '').replace(/[ \\t]+$/, '')"]],
      },
      {
        test: servers,
        named: 'with white space before what may not stand',
        without: [[`${http}/field-section.ts`, 'A-Za-z-]+):([', 'A-Za-z-]+):[ \\t]*([']],
      },
      {
        test: servers,
        named: 'chunks that came together are handed on together',
        without: [[`${http}/response-parser.ts`, 'this.#pieces.push(piece)', 'this.#events.body(piece)']],
      },
      {
        test: servers,
        named: 'nor fill its memory, with a body of single bytes',
        without: [[`${http}/response-body.ts`, 'if (gathered === undefined) this', 'if (bytes.length > 0) this']],
      },
      {
        test: tls,
        named: 'a server cannot make the host compute for seconds',
        without: [[`${http}/tls-context.ts`, ':!kDHE', '']],
      },
      {
        test: tls,
        named: 'a server gets one handshake a connection',
        without: [[`${http}/tls-context.ts`, 'constants.SSL_OP_NO_RENEGOTIATION', 'constants.SSL_OP_ALL']],
      },
    ],
  },
  {
    id: 'H4',
    tries: 'to be understood in two ways, to say in an error what is masked elsewhere, and to leave a little with every request',
    proofs: [
      {
        test: servers,
        named: 'have it read as chunks',
        without: [[`${http}/body-framing.ts`, 'withoutBlanks(part).toLowerCase()', 'part.trim().toLowerCase()']],
      },
      {
        test: servers,
        named: 'cannot have a secret that it was sent told',
        without: [
          [`${http}/http-exchange.ts`, 'this.#quoteless(this.#incomplete(faultOfCause(error)))', 'this.#incomplete(faultOfCause(error))'],
        ],
      },
      {
        test: servers,
        named: 'costs no listener for each',
        without: [[`${http}/idle-connections.ts`, "connection.socket.off('close', closed)", '']],
      },
    ],
  },
  {
    id: 'H2',
    tries: 'to have an agent that is served take one client for another, or answer a client with what is no answer',
    proofs: [
      {
        test: clients,
        named: 'are nobody twice: no two of them share a cell',
        without: [[`${serve}/agent-server.ts`, 'request: (this.#arrivals += 1)', 'request: this.#requests + this.#refused']],
      },
      {
        test: clients,
        named: 'is never told so inside of an answer',
        without: [[`${serve}/node-exchange.ts`, 'if (head.hasBody && head.status < 300) this.#body.invite()', '']],
      },
      {
        test: clients,
        named: 'hides no other behind it',
        without: [
          [`${serve}/http-listener.ts`, "this.#arrived(request, response, 'unknown')", 'void this.#refuse(request, response, 417)'],
        ],
      },
      {
        test: clients,
        named: 'has it answer with nothing of its own by X-Sendfile',
        without: [[`${serve}/response-head.ts`, 'if (isProxyOrder(name.toLowerCase())) throw', 'if (name.length < 0) throw']],
      },
      {
        test: 'host/serve/node-exchange.test.ts',
        named: 'that is cut with the reason',
        without: [[`${serve}/node-exchange.ts`, "`given up: ${isToken(code) ? code : 'for no known reason'}`", 'code']],
      },
    ],
  },
  {
    id: 'H3',
    tries: 'to fill the memory of a host that serves, or its connections',
    proofs: [
      {
        test: clients,
        named: 'costs no memory while its first is worked on',
        without: [[`${serve}/http-listener.ts`, ' || surplus > maxSurplus) socket.destroy()', ') socket.destroy()']],
      },
      {
        test: clients,
        named: 'costs little memory while nobody reads it',
        without: [[`${serve}/http-listener.ts`, 'IncomingMessage: GatheredMessage,', '']],
      },
      {
        test: clients,
        named: 'does not keep its connection with the answer to',
        without: [[`${serve}/send-status.ts`, '() => socket.destroy(), takenMs', '() => undefined, takenMs']],
      },
      {
        test: 'host/serve/instances.test.ts',
        named: 'that fails before its client has all of the answer',
        without: [[`${serve}/instances.ts`, '!isBack && this.#finishing', 'this.#finishing']],
      },
    ],
  },
]
