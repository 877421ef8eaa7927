import { constants } from 'node:crypto'
import { createSecureContext, DEFAULT_CIPHERS, getCACertificates, type SecureContext } from 'node:tls'

/** Reading all certificates that are trusted takes long: once for each list of extra ones. */
const contexts = new WeakMap<readonly string[], SecureContext>()
const withoutExtra: readonly string[] = []

/**
 * What our connections agree to. Handshakes run where everybody waits, so a server must not choose how long one takes: no Diffie-Hellman in a group
 * that it makes up (one of 10,000 bits takes seconds), and one handshake a connection. A second one could bring another certificate, too.
 */
export const tlsContext = (extraCertificates: readonly string[]): SecureContext => {
  const list = extraCertificates.length === 0 ? withoutExtra : extraCertificates
  const known = contexts.get(list)
  if (known !== undefined) return known
  const made = createSecureContext({
    minVersion: 'TLSv1.2',
    ciphers: `${DEFAULT_CIPHERS}:!kDHE`,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(list.length > 0 && { ca: [...getCACertificates('default'), ...list] }),
  })
  contexts.set(list, made)
  return made
}
