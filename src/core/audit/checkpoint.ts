import type { Sha256 } from '#core/audit/merkle.ts'

/**
 * The signed head of a log, in the form of a C2SP checkpoint (tlog-checkpoint) inside a signed note: origin, number of
 * records, base64 Merkle root, then signature lines with a 4-byte key id before the Ed25519 signature.
 */
export interface Checkpoint {
  /** Which log this is: `cordon-audit/<log id>`. */
  readonly origin: string
  /** Number of records covered. */
  readonly size: number
  /** 32 bytes: RFC 6962 root over the lines. */
  readonly root: Uint8Array
}

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint
  /** The text that was signed. */
  readonly body: Uint8Array
  readonly signatures: readonly { readonly keyName: string; readonly keyId: Uint8Array; readonly signature: Uint8Array }[]
}

const utf8 = new TextEncoder()

/** The name under which Cordon's own key signs. */
export const auditKeyName = 'cordon-audit'

/** 4 bytes: the first of sha256(name, line feed, algorithm 0x01, public key) (C2SP signed-note, "Signatures"). */
export const noteKeyId = (keyName: string, publicKey: Uint8Array, sha256: Sha256): Uint8Array =>
  sha256(utf8.encode(`${keyName}\n`), Uint8Array.of(1), publicKey).slice(0, 4)

/** The bytes to sign. */
export const checkpointBody = ({ origin, size, root }: Checkpoint): Uint8Array => utf8.encode(`${origin}\n${size}\n${root.toBase64()}\n`)

/** The whole note. */
export const encodeCheckpoint = (checkpoint: Checkpoint, key: { id: Uint8Array; signature: Uint8Array }): string => {
  const signed = new Uint8Array(key.id.length + key.signature.length)
  signed.set(key.id)
  signed.set(key.signature, key.id.length)
  return `${new TextDecoder().decode(checkpointBody(checkpoint))}\n— ${auditKeyName} ${signed.toBase64()}\n`
}

/** Reads a note; `undefined` when it is not one. */
export const decodeCheckpoint = (text: string): SignedCheckpoint | undefined => {
  const match = /^([^\n]{1,200})\n([0-9]{1,15})\n([A-Za-z0-9+/]{43}=)\n\n((?:— [^\s]{1,100} [A-Za-z0-9+/=]{1,200}\n){1,16})$/.exec(text)
  const [, origin, size, root, lines] = match ?? []
  if (origin === undefined || size === undefined || root === undefined || lines === undefined) return undefined
  const checkpoint = { origin, size: Number(size), root: Uint8Array.fromBase64(root) }
  const signatures = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, keyName = '', encoded = ''] = line.split(' ')
      const bytes = decodeBase64(encoded)
      return { keyName, keyId: bytes.slice(0, 4), signature: bytes.slice(4) }
    })
  return { checkpoint, body: checkpointBody(checkpoint), signatures }
}

const decodeBase64 = (text: string): Uint8Array => {
  try {
    return Uint8Array.fromBase64(text)
  } catch {
    return new Uint8Array()
  }
}
