import type { SecretVault } from '#host/providers/secrets/secret-vault.ts'
import type { Headers } from './request-head.ts'

/** Fields that spoke to our connection (RFC 9110 section 7.6.1): they mean nothing to a guest. */
const connectionFields = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Fields of a response or its trailers as a guest sees them: lower-case names, latin-1 values, secrets masked. */
export const responseHeaders = (raw: unknown, secrets: SecretVault): Headers => {
  const texts = Array.isArray(raw)
    ? raw.map((part: unknown) => (part instanceof Uint8Array ? Buffer.from(part).toString('latin1') : String(part)))
    : []
  const headers: (readonly [string, string])[] = []
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const name = (texts[at] ?? '').toLowerCase()
    if (!connectionFields.has(name)) headers.push([secrets.redactText(name), secrets.redactText(texts[at + 1] ?? '')])
  }
  return headers
}

/** Bytes that header lines take. */
export const headBytes = (headers: Headers): number => headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
