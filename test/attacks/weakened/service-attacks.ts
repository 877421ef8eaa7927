import type { Attack } from './attack.ts'

const serve = 'src/host/serve'
const requestHead = `${serve}/request-head.ts`
const responseHead = `${serve}/response-head.ts`
const requestTest = 'host/serve/request-head.test.ts'
const responseTest = 'host/serve/response-head.test.ts'
const principalTest = 'host/serve/principal.test.ts'

/** Agents that are served over HTTP: those who send requests are as hostile as the agent that answers them. */
export const serviceAttacks: readonly Attack[] = [
  {
    id: 'B2-serve',
    tries: 'a name that was pointed at the server of this machine (DNS rebinding)',
    proofs: [
      {
        test: principalTest,
        named: 'does not serve evil.example',
        without: [[`${serve}/served-hosts.ts`, 'return !isLoopback(listening) || ', "return listening.host !== '' || "]],
      },
    ],
  },
  {
    id: 'B8-serve',
    tries: 'a request for another server, a tunnel, or one that echoes what a browser hides',
    proofs: [
      {
        test: requestTest,
        named: 'with an absolute target for another host is refused',
        without: [[requestHead, 'if (!sameAuthority(named, host)) throw', "if (named === '') throw"]],
      },
      {
        test: requestTest,
        named: 'with (CONNECT|TRACE|TRACK) is refused',
        without: [[requestHead, "new Set(['CONNECT', 'TRACE', 'TRACK'])", "new Set(['CONNECT'])"]],
      },
      {
        test: requestTest,
        named: 'with a Connection that would have another field dropped is refused',
        without: [[requestHead, '    checkConnection(headers)\n', '']],
      },
    ],
  },
  {
    id: 'B9-serve',
    tries: 'a request that two readers take for two',
    proofs: [
      {
        test: requestTest,
        named: 'with a length and a coding is refused',
        without: [[requestHead, 'if (length !== undefined) throw new Refusal(400)', 'void length']],
      },
      {
        test: requestTest,
        named: 'with two (lengths that agree|codings|Hosts) is refused',
        without: [[requestHead, 'if (values.length > 1) throw new Refusal(400)', '']],
      },
      {
        test: requestTest,
        named: 'with a coding (that is none|before chunked|after chunked) is refused',
        without: [[requestHead, "if (coding.toLowerCase() !== 'chunked') throw", "if (!coding.toLowerCase().includes('chunked')) throw"]],
      },
      {
        test: requestTest,
        named: 'with a (signed|hexadecimal) length is refused',
        without: [[requestHead, 'if (!/^[0-9]{1,15}$/.test(length)) throw', 'if (Number.isNaN(Number(length))) throw']],
      },
      {
        test: requestTest,
        named: 'with HTTP/1.0, in which an answer that ends early looks whole is refused',
        without: [[requestHead, "if (raw.httpVersion !== '1.1') throw", "if (raw.httpVersion === '0.9') throw"]],
      },
    ],
  },
  {
    id: 'B10-serve',
    tries: 'lines of its own in an answer, and more fields than there may be in a request',
    proofs: [
      {
        test: responseTest,
        named: '',
        without: [[responseHead, "if (!isToken(name) || !isFieldValue(value)) throw protocolError('a header that is none')", '']],
      },
      {
        test: responseTest,
        named: '',
        without: [[responseHead, 'if (isConnectionField(name.toLowerCase())) throw', "if (name === '') throw"]],
      },
      { test: responseTest, named: '', without: [[responseHead, 'if (lengths.length > 1 || !', 'if (!']] },
      {
        test: requestTest,
        named: 'with (more fields than there may be|fields of more bytes than there may be) is refused',
        without: [[requestHead, 'if (headers.length > most || bytes > headerBytes) throw', 'if (most < 0 || headerBytes < 0) throw']],
      },
      {
        test: requestTest,
        named: 'trailers hold nothing that frames, routes or authenticates',
        without: [[requestHead, ' && mayTrail(name.toLowerCase())', '']],
      },
    ],
  },
  {
    id: 'C10-serve',
    tries: 'to be taken for another principal, or to find what another one left',
    proofs: [
      {
        test: principalTest,
        named: 'of a header is nobody in',
        without: [[requestHead, 'return values.length === 1 ? values[0] : undefined', 'return values[0]']],
      },
      {
        test: principalTest,
        named: 'of a connection or a request is that, and none is everybody',
        without: [[`${serve}/principal.ts`, "kind === 'header' || kind === 'connection'", "kind !== 'none'"]],
      },
      {
        test: 'host/serve/request-head.test.ts',
        named: 'a field that is there twice has no one value',
        without: [[requestHead, 'return values.length === 1 ? values[0] : undefined', 'return values[0]']],
      },
    ],
  },
  {
    id: 'D8',
    tries: 'a value that reads like a name of the host’s own: a segment, a principal, a field of a record',
    proofs: [
      {
        test: principalTest,
        named: 'of a header is its one value, of which only a digest shows',
        without: [[`${serve}/principal.ts`, "sha256:${createHash('sha256').update(value, 'latin1').digest('hex')}", '${value}']],
      },
    ],
  },
]
