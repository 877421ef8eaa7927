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

/** Fields of a response or its trailers as a guest sees them: names as they were sent, secrets masked. */
export const responseHeaders = (raw: Headers, secrets: SecretVault): Headers =>
  raw
    .filter(([name]) => !connectionFields.has(name.toLowerCase()))
    .map(([name, value]) => [secrets.redactText(name), secrets.redactText(value)])

/** Bytes that header lines take. */
export const headBytes = (headers: Headers): number => headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
