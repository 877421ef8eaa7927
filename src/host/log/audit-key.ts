import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Sha256 } from '#core/audit/merkle.ts'
import type { VerifyCrypto } from '#core/audit/verify.ts'
import { CordonError } from '#core/errors.ts'
import { fileOps } from '#host/log/file-ops.ts'

/** sha256 of the concatenation of the parts. */
export const sha256: Sha256 = (...parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

/** The SubjectPublicKeyInfo prefix of an Ed25519 key (RFC 8410, section 4): the 32 key bytes follow. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

const rawPublicKey = (key: KeyObject): Uint8Array =>
  Uint8Array.from(key.export({ type: 'spki', format: 'der' }).subarray(spkiPrefix.length))

/** Verification with Node's crypto. */
export const verifyCrypto: VerifyCrypto = {
  sha256,
  verifyEd25519: (publicKey, body, signature) => {
    const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), type: 'spki', format: 'der' })
    return verify(null, body, key, signature)
  },
}

/** The key that signs the heads of this host's logs. */
export interface AuditKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  sign(body: Uint8Array): Uint8Array
}

const keyFrom = (privateKey: KeyObject): AuditKey => ({
  publicKey: rawPublicKey(createPublicKey(privateKey)),
  sign: (body) => Uint8Array.from(sign(null, body, privateKey)),
})

/** A key that lives in memory only (tests, and logs that nobody keeps). */
export const temporaryAuditKey = (): AuditKey => keyFrom(generateKeyPairSync('ed25519').privateKey)

/**
 * Reads the Ed25519 signing key at `path` (PKCS #8 PEM, mode 0600), making it on first use. The key lies outside every
 * log folder, so that whoever can write the log cannot sign it. Throws CordonError `audit.invalid`.
 */
export const readAuditKey = async (path: string): Promise<AuditKey> => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (!existsSync(path)) {
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
    await fileOps.createExclusive(path, Buffer.from(pem))
  }
  const key = keyFrom(readPrivateKey(path))
  // Also when a crash came between the two files: without its public half nobody could tell the log from a forged one.
  if (!existsSync(`${path}.pub`)) await fileOps.replace(`${path}.pub`, Buffer.from(`${publicKeyText(key.publicKey)}\n`))
  return key
}

/** Looks at the very file that it reads. */
const readPrivateKey = (path: string): KeyObject => {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const { mode, uid } = fstatSync(file)
    const isPrivate = (mode & 0o077) === 0 && (uid === process.getuid?.() || uid === 0)
    if (!isPrivate) {
      throw new CordonError('audit.invalid', `expected the audit key \`${path}\` to be this user's, readable by its owner only`, {
        hint: `chmod 600 ${path}`,
      })
    }
    return createPrivateKey(readFileSync(file))
  } catch (cause) {
    if (cause instanceof CordonError) throw cause
    throw new CordonError('audit.invalid', `expected an Ed25519 private key in PEM at \`${path}\``, {
      cause,
      hint: 'move the file away to have a new key made',
    })
  } finally {
    closeSync(file)
  }
}

/** The text form of a public key that people pass around: `ed25519:<base64>`. */
export const publicKeyText = (publicKey: Uint8Array): string => `ed25519:${publicKey.toBase64()}`

/** Reads the text form, or the content of a `.pub` file. Throws CordonError `audit.invalid`. */
export const parsePublicKey = (text: string): Uint8Array => {
  const match = /^ed25519:([A-Za-z0-9+/]{43}=)\s*$/.exec(text)
  if (match?.[1] === undefined) throw new CordonError('audit.invalid', 'expected a public key like `ed25519:<44 characters of base64>`')
  return Uint8Array.fromBase64(match[1])
}
