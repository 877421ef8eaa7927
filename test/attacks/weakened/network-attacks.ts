import type { Attack } from './attack.ts'

const http = 'src/host/providers/http'
const destination = `${http}/destination.ts`
const requestHead = `${http}/request-head.ts`
const match = 'src/core/policy/match.ts'
const hostPattern = 'src/core/policy/host-pattern.ts'
const address = 'src/core/policy/address.ts'
const effective = 'src/core/policy/effective.ts'

const addresses = 'attacks/network/addresses.test.ts'
const messages = 'attacks/network/messages.test.ts'
const kept = 'host/providers/http/kept-connections.test.ts'
const parser = 'host/providers/http/response-parser.test.ts'
const patternTest = 'core/policy/host-pattern.test.ts'
const addressTest = 'core/policy/address.test.ts'
const effectiveTest = 'core/policy/effective.test.ts'

/** Rules without their ports. */
const anyPort = [match, '(rule.port === undefined || rule.port === port) &&\n  hostMatches(', 'hostMatches('] as const

/** A gate that refuses nothing to be a line of a head. */
const manyLines = [`${http}/request-text.ts`, 'if (/[\\0\\r\\n\\u0100-\\uffff]/.test(text)) throw new TypeError(', 'void ('] as const

/** B: where requests go, and what travels with them. */
export const networkAttacks: readonly Attack[] = [
  {
    id: 'B1',
    tries: 'to be redirected to where nobody may go',
    proofs: [
      {
        test: addresses,
        named: 'are handed to the guest and never followed',
        without: [
          [
            `${http}/http-exchange.ts`,
            'head: (status, raw) => this.#begin(status, raw),',
            "head: (status, raw) => {\n for (const [name, value] of raw) if (name === 'location') void fetch(value).catch(() => undefined)\n this.#begin(status, raw) },",
          ],
        ],
      },
      { test: addresses, named: 'are handed to the guest and never followed', without: [anyPort] },
    ],
  },
  {
    id: 'B2',
    tries: 'a name that leads inside, at once or later',
    proofs: [
      {
        test: addresses,
        named: 'a name that resolves to `127.8.8.8` is refused',
        without: [[destination, "if (!addressAllowed(address, rule)) return 'which", "if (address === '') return 'which"]],
      },
      {
        test: addresses,
        named: 'is the one that is dialled: nothing resolves again',
        without: [[destination, 'await resolve(host)', 'await resolve(host).then(() => resolve(host))']],
      },
      {
        test: kept,
        named: 'never when the name leads elsewhere by now',
        without: [[`${http}/idle-connections.ts`, ' || !addresses.includes(each.connection.address)', '']],
      },
      {
        test: addresses,
        named: 'one address of several is enough to refuse the name',
        without: [[destination, 'const checked = addresses.map(', 'const checked = addresses.slice(0, 1).map(']],
      },
    ],
  },
  {
    id: 'B3',
    tries: 'addresses that are not of the public network, metadata services and those of this host',
    proofs: [
      { test: addressTest, named: 'metadata', without: [[address, "range('168.63.129.16/32', 'metadata'),", '']] },
      { test: addressTest, named: '', without: [[address, "range('100.64.0.0/10', 'private'),", '']] },
      { test: addressTest, named: '', without: [[address, "range('fe80::/10', 'link-local'),", "range('fe80::/10', 'public'),"]] },
      {
        test: addresses,
        named: 'B3: an address of this very host is refused though the rule names its class',
        without: [[destination, "const isOwn = rule.host.kind !== 'cidr' && ", "const isOwn = rule.host.kind === 'suffix' && "]],
      },
    ],
  },
  {
    id: 'B4',
    tries: 'those addresses in other spellings: inside IPv6, as numbers, as tunnels',
    proofs: [
      {
        test: addressTest,
        named: '',
        without: [[address, "inner.find((kind) => kind !== 'public')", "inner.find((kind) => kind === 'multicast')"]],
      },
      {
        test: addressTest,
        named: '',
        without: [[address, 'return bytes !== undefined && isMapped(bytes) ?', 'return bytes !== undefined && bytes.length === 99 ?']],
      },
      {
        test: patternTest,
        named: 'what a request is taken for',
        without: [
          [hostPattern, 'return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(last) ? undefined : name', "return last === '' ? undefined : name"],
        ],
      },
    ],
  },
  {
    id: 'B5',
    tries: 'a host that two parsers read in two ways',
    proofs: [
      {
        test: patternTest,
        named: 'never lets anything but letters, digits, hyphens, dots and colons through',
        without: [
          [hostPattern, '|| !dnsName.test(name)', ''],
          [
            hostPattern,
            'const isPrintableAscii = (text: string): boolean => /^[!-~]+$/.test(text)',
            'const isPrintableAscii = (text: string): boolean => text !== "\\n"',
          ],
        ],
      },
      {
        test: addresses,
        named: 'evil.example.*allowed.example. reaches nothing',
        without: [
          [hostPattern, '|| !dnsName.test(name)', ''],
          [hostPattern, 'if (!isPrintableAscii(text)) return', "if (text === ' ') return"],
          [
            hostPattern,
            "if (pattern.kind === 'name') return pattern.name === host",
            "if (pattern.kind === 'name') return host.endsWith(pattern.name)",
          ],
        ],
      },
      {
        test: patternTest,
        named: 'what a request is taken for',
        without: [
          [hostPattern, '|| !dnsName.test(name)', ''],
          [hostPattern, "if (text.includes('@')) return", "if (text === '@') return"],
        ],
      },
    ],
  },
  {
    id: 'B6',
    tries: 'a wildcard that means more than it says',
    proofs: [
      {
        test: patternTest,
        named: 'a suffix names what is one or more labels below it, never itself',
        without: [[hostPattern, 'host.length > pattern.suffix.length + 1 && host', 'host === pattern.suffix || host']],
      },
      {
        test: patternTest,
        named: 'what a rule may name',
        without: [[hostPattern, "if (use === 'grant' && isTooWideSuffix(suffix)) {", "if (use === 'grant' && suffix === '') {"]],
      },
      {
        test: patternTest,
        named: 'an exact name names itself',
        without: [[hostPattern, 'return pattern.name === host\n', 'return host.endsWith(pattern.name)\n']],
      },
    ],
  },
  {
    id: 'B7',
    tries: 'another port of a host that is allowed',
    proofs: [{ test: addresses, named: 'B7: another port of an allowed host is another place', without: [anyPort] }],
  },
  {
    id: 'B8',
    tries: 'a server that another name stands for: the host header, tunnels, certificates',
    proofs: [
      {
        test: messages,
        named: 'the header "host": "other.example" is refused',
        without: [[requestHead, 'if (asked === undefined || asked.host !== real?.host || ', 'if (asked === undefined && ']],
      },
      {
        test: 'core/policy/decide.test.ts',
        named: 'no rule opens CONNECT, TRACE or TRACK',
        without: [['src/core/policy/decide.ts', "new Set(['CONNECT', 'TRACE', 'TRACK'])", 'new Set([""])']],
      },
      {
        test: 'attacks/network/tls.test.ts',
        named: 'an issuer nobody trusts, another name and an expired certificate',
        without: [[destination, 'rejectUnauthorized: true', 'rejectUnauthorized: false']],
      },
    ],
  },
  {
    id: 'B9',
    tries: 'to hide a request or a response inside another one',
    proofs: [
      {
        test: messages,
        named: 'the header "transfer-encoding": "chunked" is refused',
        without: [[requestHead, "'keep-alive', 'transfer-encoding', ", "'keep-alive', "]],
      },
      {
        test: messages,
        named: 'the header "transfer_encoding": "chunked" is refused',
        without: [[requestHead, ".replace(/[._]/g, '-')", '']],
      },
      {
        test: messages,
        named: 'a second content-length is refused',
        without: [[requestHead, 'if (contentLength !== undefined || !/^', 'if (!/^']],
      },
      {
        test: messages,
        named: 'B9: a body that looks like another request stays a body',
        without: [
          [
            `${http}/request-sender.ts`,
            'if (!this.#options.isChunked) return socket.write(piece, written)',
            'return socket.write(piece, written)',
          ],
        ],
      },
      {
        test: messages,
        named: 'the trailer "content-length": "3" is refused',
        without: [[`${http}/request-trailers.ts`, "  'content-length',\n", '']],
      },
      {
        test: messages,
        named: 'a length and chunks fails the exchange',
        without: [
          [`${http}/body-framing.ts`, 'if (codings.length > 0 && (lengths.length > 0 || version === 0)) {', 'if (version === 9) {'],
        ],
      },
      {
        test: messages,
        named: 'a space before the colon fails the exchange',
        without: [[`${http}/field-section.ts`, 'A-Za-z-]+):([', 'A-Za-z -]+):([']],
      },
      {
        test: messages,
        named: 'two lengths that differ fails the exchange',
        without: [[`${http}/body-framing.ts`, 'if (values.length > 1 || !', 'if (!']],
      },
      {
        test: parser,
        named: '',
        without: [[`${http}/line-reader.ts`, 'if (text < 0 || whole[text] !== carriageReturn) return', 'if (text < 0) return']],
      },
      {
        test: kept,
        named: 'never when something stands behind the response',
        without: [[`${http}/response-parser.ts`, 'if (cursor.at < bytes.length) this.#isPersistent = false', '']],
      },
      {
        test: kept,
        named: 'never when bytes came while it was idle',
        without: [
          [
            `${http}/connection.ts`,
            'if (this.#user === undefined) socket.destroy()\n      else this.#user.onBytes(bytes)',
            'this.#user?.onBytes(bytes)',
          ],
        ],
      },
    ],
  },
  {
    id: 'B10',
    tries: 'header lines of its own, headers that are not for guests to set, and too many of them',
    proofs: [
      {
        test: messages,
        named: 'the header "x-a": "one.*host: evil.example" is refused',
        without: [[requestHead, 'if (!fieldValue.test(value)) throw', 'if (value.length < 0) throw'], manyLines],
      },
      {
        test: messages,
        named: 'the header "x-http-method-override": "DELETE" is refused',
        without: [[requestHead, '|| rerouting.has(folded) ', '']],
      },
      {
        test: messages,
        named: 'the header "proxy-authorization": "Basic x" is refused',
        without: [[requestHead, "['proxy-', 'x-forwarded-', ", "['x-forwarded-', "]],
      },
      {
        test: messages,
        named: 'a second content-length is refused, and more headers than fit',
        without: [[requestHead, 'if (size > maxHeaderBytes) throw', 'if (size < 0) throw']],
      },
      {
        test: messages,
        named: 'B10: a GET has no body, whatever the guest writes',
        without: [[`${http}/http-provider.ts`, "new Set(['GET', 'HEAD'])", "new Set(['HEAD'])"]],
      },
    ],
  },
  {
    id: 'B11',
    tries: 'names as a way out: a lookup tells a server what stands in the name',
    proofs: [
      {
        test: addresses,
        named: 'B11: a name that no rule allows is never looked up',
        without: [[match, '  hostMatches(rule.host, host) &&\n  (rule.methods', '  (rule.methods']],
      },
    ],
  },
  {
    id: 'B12',
    tries: 'another protocol behind an upgrade',
    proofs: [
      {
        test: messages,
        named: 'the header "upgrade": "websocket" is refused',
        without: [[requestHead, "'transfer-encoding', 'upgrade', ", "'transfer-encoding', "]],
      },
      {
        test: messages,
        named: 'an upgrade nobody asked for fails the exchange',
        without: [
          [
            `${http}/response-parser.ts`,
            "if (this.#status === 101) throw httpFault('HTTP-upgrade-failed', 'an upgrade that nobody asked for')",
            '',
          ],
          [`${http}/response-parser.ts`, 'if (this.#status < 200) {', 'if (this.#status < 101) {'],
        ],
      },
    ],
  },
  {
    id: 'B13',
    tries: 'a proxy that the environment of the host names',
    proofs: [
      {
        test: addresses,
        named: 'are not used',
        without: [[destination, 'port: destination.port, noDelay', "port: Number(process.env['HTTP_PROXY']?.split(':')[2]), noDelay"]],
      },
    ],
  },
  {
    id: 'B14',
    tries: 'a policy more that widens what another one forbids',
    proofs: [
      {
        test: effectiveTest,
        named: 'the floor denies for everybody',
        without: [[effective, '...(parts.policies ?? []).map(({ floor }) => floor.denies), ', '']],
      },
      {
        test: effectiveTest,
        named: 'a floor lowers what is allowed and never raises it',
        without: [
          [effective, ', ...policies.map(({ floor }) => floor.limits)', ', ...policies.slice(99).map(({ floor }) => floor.limits)'],
        ],
      },
      {
        test: effectiveTest,
        named: 'grants of several policies and flags add up, denies of any of them win',
        without: [[effective, ', ...layers.map((layer) => layer.denies)]', ', ...layers.slice(1).map((layer) => layer.denies)]']],
      },
    ],
  },
  {
    id: 'B15',
    tries: 'what comes before the decision: kept connections, and lookups that lead into what is denied',
    proofs: [
      {
        test: kept,
        named: 'never with a secret where there was none',
        without: [[`${http}/prepared-request.ts`, 'rule.secret ?? null', 'null']],
      },
      {
        test: addresses,
        named: 'a deny rule for another port, scheme or path leaves the address alone',
        without: [[destination, 'if (deny !== undefined) return', "if (deny?.origin === '') return"]],
      },
      {
        test: 'host/providers/tools/tools-provider.test.ts',
        named: 'is listed with a JSON Schema when it is granted, and not otherwise',
        without: [['src/core/policy/match.ts', ': boolean => rule.name === name', ': boolean => name.length > 0 || rule.name === name']],
      },
    ],
  },
  {
    id: 'B16',
    tries: 'a policy that says nothing of the network',
    proofs: [
      {
        test: addresses,
        named: 'B16: no rule at all means no destination at all',
        without: [
          [
            match,
            'return best?.rule\n',
            "if (rules.length === 0) return { kind: 'net', origin: '', host: { kind: 'cidr', bytes: [127, 0, 0, 1], prefix: 32, text: '127.0.0.1' } } as never\n  return best?.rule\n",
          ],
        ],
      },
    ],
  },
]
