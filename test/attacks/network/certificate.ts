import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** Distinguished encoding of one element (X.690). */
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const length =
    content.length < 128
      ? Buffer.from([content.length])
      : content.length < 256
        ? Buffer.from([0x81, content.length])
        : Buffer.from([0x82, content.length >> 8, content.length & 0xff])
  return Buffer.concat([Buffer.from([tag]), length, content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (...bytes: readonly number[]): Buffer => der(0x06, Buffer.from(bytes))
const signedWith = {
  ec: sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)),
  rsa: sequence(oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), der(0x05)),
}

const nameOf = (commonName: string): Buffer => sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))))
const time = (date: Date): Buffer => der(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')))
const extension = (id: readonly number[], value: Uint8Array): Buffer => sequence(oid(0x55, 0x1d, ...id), der(0x04, value))

const alternativeName = (host: string): Buffer =>
  /^[0-9.]+$/.test(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host))

export interface Certificate {
  readonly key: string
  readonly cert: string
}

const keysOf = (kind: 'ec' | 'rsa'): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } =>
  kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Parameters of Diffie-Hellman (PKCS #3) of the largest size that OpenSSL takes, of a number that nobody has seen before. */
export const madeUpGroup = (): string => {
  const modulus = randomBytes(1250)
  modulus[0] = 0xff
  modulus[1249] = 0xff
  const parameters = sequence(der(0x02, Buffer.from([0]), modulus), der(0x02, Buffer.from([2])))
  return pem('DH PARAMETERS', parameters)
}

const pem = (label: string, bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** A certificate for a name or IPv4 address, signed by itself (RFC 5280). */
export const selfSigned = (host: string, validDays = 1, kind: 'ec' | 'rsa' = 'ec'): Certificate => {
  const { privateKey, publicKey } = keysOf(kind)
  const now = Date.now()
  const day = 86_400_000
  const [from, to] = validDays > 0 ? [now - day, now + validDays * day] : [now - 10 * day, now - day]
  const extensions = [extension([0x11], sequence(alternativeName(host))), extension([0x13], sequence(der(0x01, Buffer.from([0xff]))))]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    signedWith[kind],
    nameOf('test'),
    sequence(time(new Date(from)), time(new Date(to))),
    nameOf('test'),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  const certificate = sequence(body, signedWith[kind], signature)
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: pem('CERTIFICATE', certificate),
  }
}
