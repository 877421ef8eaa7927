import { auditKeyName, decodeCheckpoint, noteKeyId } from '#core/audit/checkpoint.ts'
import { MerkleRoot, type Sha256 } from '#core/audit/merkle.ts'
import { decodeRecord, genesis, maxLineBytes, type AuditRecord } from '#core/audit/record.ts'

/** The cryptography that verification needs. */
export interface VerifyCrypto {
  readonly sha256: Sha256
  /** Whether `signature` (64 bytes) over `body` was made by the Ed25519 key `publicKey` (32 bytes). */
  readonly verifyEd25519: (publicKey: Uint8Array, body: Uint8Array, signature: Uint8Array) => boolean
}

/** What a log is worth. */
export interface Verdict {
  /**
   * `authenticated`: every record is covered by a head that the given key signed. `consistent`: nothing contradicts
   * anything, but without the key (or past the signed head) anyone could have written it. `bad`: changed, cut, moved or re-keyed.
   */
  readonly status: 'authenticated' | 'consistent' | 'bad'
  readonly records: number
  /** Hex sha256 of the last record. */
  readonly head: string
  /** Records after the last signed head (a writer that died leaves some). */
  readonly unsignedTail: number
  /** Records that a later writer found unsigned and went on from: a crash leaves some, but so could whoever may write the folder. */
  readonly adopted: number
  /** The first thing that is wrong. */
  readonly problem?: { readonly seq: number; readonly line: number; readonly message: string }
}

const hex = (bytes: Uint8Array): string => bytes.toHex()

/**
 * Verifies a log line by line, in constant memory. Shares no code with the writer but the format.
 * Feed every line in order with {@link add}, then call {@link finish} with the head file's text.
 */
export class LogVerifier {
  readonly #crypto: VerifyCrypto
  readonly #headText: string | undefined
  readonly #head: ReturnType<typeof decodeCheckpoint>
  readonly #publicKey: Uint8Array | undefined
  readonly #tree: MerkleRoot
  readonly #utf8 = new TextEncoder()
  #prev = genesis
  #log: string | undefined
  #rootAtHead: Uint8Array | undefined
  #adopted = 0
  #problem: Verdict['problem']

  constructor(crypto: VerifyCrypto, head: { text: string | undefined; publicKey: Uint8Array | undefined }) {
    this.#crypto = crypto
    this.#headText = head.text
    this.#head = head.text === undefined ? undefined : decodeCheckpoint(head.text)
    this.#publicKey = head.publicKey
    this.#tree = new MerkleRoot(crypto.sha256)
    if (this.#headSize() === 0) this.#rootAtHead = this.#tree.root()
  }

  /** Takes the next line, without its line feed; gives its record while all is well. */
  add(line: string): AuditRecord | undefined {
    if (this.#problem !== undefined) return undefined
    const bytes = this.#utf8.encode(line)
    const record = bytes.length > maxLineBytes ? undefined : decodeRecord(line)
    const seq = this.#tree.size
    if (record === undefined) return this.#fail('expected one record in canonical JSON: this line was edited or is torn')
    if (record.seq !== seq) return this.#fail(`expected record ${seq}, got record ${record.seq}: records were cut, added or reordered`)
    if (record.prev !== this.#prev) {
      return this.#fail(
        `expected the hash of the record before (${this.#prev.slice(0, 12)}…), got ${record.prev.slice(0, 12)}…: record ${Math.max(0, seq - 1)} or the chain was edited`,
      )
    }
    if (record.type === 'opened') this.#opened(record)
    else if (seq === 0) return this.#fail('expected a log to begin with its `opened` record')
    this.#tree.add(bytes)
    this.#prev = hex(this.#crypto.sha256(bytes))
    if (this.#tree.size === this.#headSize()) this.#rootAtHead = this.#tree.root()
    return record
  }

  finish(): Verdict {
    const problem = this.#problem ?? this.#headProblem()
    const size = this.#tree.size
    const unsignedTail = size - Math.min(size, this.#headSize() ?? 0)
    const base = { records: size, head: this.#prev, unsignedTail, adopted: this.#adopted }
    if (problem !== undefined) return { ...base, status: 'bad', problem }
    return { ...base, status: this.#publicKey !== undefined && unsignedTail === 0 ? 'authenticated' : 'consistent' }
  }

  /** Whether something is wrong already: later lines change nothing. */
  get failed(): boolean {
    return this.#problem !== undefined
  }

  #opened(record: Extract<AuditRecord, { type: 'opened' }>): void {
    this.#log ??= record.log
    this.#adopted += record.unsignedRecords ?? 0
  }

  #headSize(): number | undefined {
    return this.#head?.checkpoint.size
  }

  #headProblem(): Verdict['problem'] {
    const at = (seq: number, message: string): Verdict['problem'] => ({ seq, line: seq + 1, message })
    const size = this.#tree.size
    if (this.#headText === undefined) return at(size, 'expected a signed head beside the records, found none: it was removed')
    const head = this.#head
    if (head === undefined) return at(size, 'expected the head to be a signed checkpoint: it was edited')
    if (head.checkpoint.origin !== `cordon-audit/${this.#log ?? ''}`)
      return at(0, `expected the head of log \`${this.#log ?? ''}\`, got that of \`${head.checkpoint.origin}\``)
    if (head.checkpoint.size > size)
      return at(size, `the signed head covers ${head.checkpoint.size} records, found ${size}: the end was cut`)
    if (this.#rootAtHead === undefined || hex(this.#rootAtHead) !== hex(head.checkpoint.root)) {
      return at(0, 'the records do not lead to the signed head: the log was rewritten')
    }
    if (this.#publicKey !== undefined && !this.#signedBy(this.#publicKey, head)) {
      return at(0, 'the head is not signed by the given key: the log was re-keyed, or this is the wrong key')
    }
    return undefined
  }

  #signedBy(publicKey: Uint8Array, head: NonNullable<ReturnType<typeof decodeCheckpoint>>): boolean {
    const keyId = hex(noteKeyId(auditKeyName, publicKey, this.#crypto.sha256))
    return head.signatures.some(
      (each) =>
        each.keyName === auditKeyName &&
        hex(each.keyId) === keyId &&
        each.signature.length === 64 &&
        this.#crypto.verifyEd25519(publicKey, head.body, each.signature),
    )
  }

  #fail(message: string): undefined {
    this.#problem = { seq: this.#tree.size, line: this.#tree.size + 1, message }
    return undefined
  }
}
