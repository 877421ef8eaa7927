import type { Attack } from './attack.ts'

const serve = 'src/host/serve'
const requestHead = `${serve}/request-head.ts`
const requestTest = 'host/serve/request-head.test.ts'
const principalTest = 'host/serve/principal.test.ts'

/** What the head of a request may say to an agent that is served, and whom it may name. */
export const serviceAttacks: readonly Attack[] = [
  {
    id: 'B9-heads',
    tries: 'a length that is none, and trailers that frame, route or authenticate',
    proofs: [
      {
        test: requestTest,
        named: 'with a (signed|hexadecimal) length is refused',
        without: [[requestHead, 'if (!/^[0-9]{1,15}$/.test(length)) throw', 'if (Number.isNaN(Number(length))) throw']],
      },
      {
        test: requestTest,
        named: 'trailers hold nothing that frames, routes or authenticates',
        without: [[requestHead, ' && mayTrail(name.toLowerCase())', '']],
      },
    ],
  },
  {
    id: 'C10-heads',
    tries: 'to come on behalf of two principals at once, or of nobody in particular',
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
    ],
  },
  {
    id: 'D8',
    tries: 'a value that reads like a name of the host’s own: a segment, a principal, what every object has',
    proofs: [
      {
        test: principalTest,
        named: 'of a header is its one value, of which only a digest shows',
        without: [[`${serve}/principal.ts`, "sha256:${createHash('sha256').update(value, 'latin1').digest('hex')}", '${value}']],
      },
    ],
  },
]
