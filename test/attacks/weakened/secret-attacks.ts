import type { Attack } from './attack.ts'

const secrets = 'attacks/network/secrets.test.ts'
const guard = 'src/host/providers/http/secret-guard.ts'
const vault = 'src/host/providers/secrets/secret-vault.ts'
const placeholder = 'src/host/providers/secrets/placeholder.ts'
const redaction = 'src/host/providers/secrets/redaction.ts'

/** C: secrets. */
export const secretAttacks: readonly Attack[] = [
  {
    id: 'C1',
    tries: 'to see the value of a secret, or to have it sent where its binding does not say',
    proofs: [
      {
        test: secrets,
        named: 'the host sets the header over whatever the guest sent, once',
        without: [[guard, 'foldFieldName(name) !== own && ', '']],
      },
      {
        test: secrets,
        named: 'a secret that cannot be read, is too short or would split the header refuses the request',
        without: [[vault, ' || !headerValue.test(value)', '']],
      },
      {
        test: secrets,
        named: 'of replacement in a value mean nothing',
        without: [[vault, 'format.replaceAll(mark, () => value)', 'format.replaceAll(mark, value)']],
      },
    ],
  },
  {
    id: 'C2',
    tries: 'a placeholder sent to a server, or in a place, that its secret is not bound to',
    proofs: [
      {
        test: secrets,
        named: 'at its own server in another header, in the target, or in the place of another secret',
        without: [[guard, 'find((secret) => !isBound || secret !== rule.secret)', 'find(() => false)']],
      },
    ],
  },
  {
    id: 'C3',
    tries: 'a placeholder that stands for nothing, sent as it is',
    proofs: [
      {
        test: secrets,
        named: 'one of no session of ours',
        without: [[placeholder, 'variant.toLowerCase().match(shape) ?? []', '[]']],
      },
    ],
  },
  {
    id: 'C4',
    tries: 'a placeholder that is encoded, or split over the chunks of a body',
    proofs: [
      {
        test: secrets,
        named: 'in header, query and body',
        without: [
          [
            placeholder,
            'const forms = new Set([placeholder, ...base64Renderings(bytes)])',
            'const forms = new Set([placeholder])\n    void bytes\n    void base64Renderings',
          ],
        ],
      },
      {
        test: secrets,
        named: 'percent-encoded twice in the query',
        without: [[placeholder, '[text, once, percentDecoded(once)]', '[text, once]']],
      },
      {
        test: secrets,
        named: 'a refused body never reaches the server whole',
        without: [
          [
            placeholder,
            'return bytes.subarray(bytes.length - unfinishedLength(bytes, this.#needles))',
            'return bytes.subarray(bytes.length)',
          ],
        ],
      },
    ],
  },
  {
    id: 'C5',
    tries: 'a server that echoes the credential, whole, encoded or split',
    proofs: [
      {
        test: secrets,
        named: 'masked in body and headers, with its length kept',
        without: [[redaction, 'safe.fill(mask, start, end)', '']],
      },
      {
        test: secrets,
        named: 'split over chunks at every place, and in trailers',
        without: [[redaction, 'bytes.length - unfinishedLength(bytes, this.#patterns)', 'bytes.length']],
      },
      {
        test: secrets,
        named: 'packed: a guest cannot ask for it',
        without: [
          [guard, ' && !reshaping.has(foldFieldName(name))', ''],
          [guard, "['accept-encoding', 'identity'], ", ''],
        ],
      },
    ],
  },
  {
    id: 'C6',
    tries: 'to have a secret sent in the clear',
    proofs: [
      {
        test: secrets,
        named: 'a secret is not sent over http',
        without: [[guard, 'if (!mayTravel(target, rule)) throw', 'if (!mayTravel(target, rule) && rule.secret === undefined) throw']],
      },
    ],
  },
  {
    id: 'C7',
    tries: 'to find the value in answers, summaries, errors or records',
    proofs: [
      {
        test: secrets,
        named: 'no answer, summary or error of a whole session holds the value',
        without: [[vault, 'this.#patterns = [...this.#patterns, ...renderingsOf(value)]', 'void renderingsOf']],
      },
    ],
  },
]
