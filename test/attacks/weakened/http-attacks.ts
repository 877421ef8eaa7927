import type { Attack } from './attack.ts'

const http = 'src/host/providers/http'
const servers = 'attacks/network/hostile-servers.test.ts'
const tls = 'attacks/network/tls.test.ts'

/** What those try who are at the other end of a connection: servers that guests may reach. */
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
        named: 'with a body in chunks of one byte',
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
]
