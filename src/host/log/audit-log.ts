import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileHandle } from 'node:fs/promises'
import { auditKeyName, checkpointBody, encodeCheckpoint, noteKeyId } from '#core/audit/checkpoint.ts'
import { MerkleRoot } from '#core/audit/merkle.ts'
import type { Receipt } from '#core/audit/receipt.ts'
import { encodeRecord, genesis, maxLineBytes, type AuditEvent } from '#core/audit/record.ts'
import { LogVerifier } from '#core/audit/verify.ts'
import { CordonError } from '#core/errors.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import { publicKeyText, sha256, verifyCrypto, type AuditKey } from '#host/log/audit-key.ts'
import { fileOps, type FileOps } from '#host/log/file-ops.ts'
import { lockFolder } from '#host/log/folder-lock.ts'
import { headFile, recordsFile, reserveFile } from '#host/log/layout.ts'
import { linesOf, readSmallText } from '#host/log/log-lines.ts'

/** Bytes set aside in the folder, given back on a full disk so that outcomes and the stop record still fit. */
const reserveBytes = 1024 * 1024
/** The signed head follows the records by at most this. */
const headEveryMs = 1000

export interface AuditLogOptions {
  readonly folder: string
  readonly key: AuditKey
  readonly now?: () => number
  readonly ops?: FileOps
}

interface Waiting {
  readonly event: AuditEvent
  readonly durable: boolean
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: CordonError) => void
}

interface Written {
  readonly waiting: Waiting
  readonly receipt: Receipt
}

/**
 * The durable, append-only audit log of one runtime: canonical JSON lines, hash-chained, with a head signed by a key outside the folder.
 * Writes are grouped: whatever waits goes out in one write and, when anyone asked for it, one sync.
 * The first failed write or sync is final: every later append rejects, so nothing more is granted.
 *
 * @example
 * await using log = await AuditLog.open({ folder: './audit', key: await readAuditKey('./keys/audit.pem') })
 */
export class AuditLog implements AuditSink {
  readonly folder: string
  readonly #key: AuditKey
  readonly #now: () => number
  readonly #ops: FileOps
  readonly #tree = new MerkleRoot(sha256)
  readonly #queue: Waiting[] = []
  #file: FileHandle | undefined
  #unlock: (() => Promise<void>) | undefined
  #position = 0
  #prev = genesis
  #log: string = randomUUID()
  #lastTimeMs = 0
  #pumping: Promise<void> | undefined
  #failure: CordonError | undefined
  #full = false
  #closed = false
  #headSize = -1
  #headTimer: NodeJS.Timeout | undefined
  #headWrite: Promise<void> = Promise.resolve()

  private constructor({ folder, key, now = Date.now, ops = fileOps }: AuditLogOptions) {
    this.folder = folder
    this.#key = key
    this.#now = now
    this.#ops = ops
  }

  /**
   * Opens or creates the log in `folder`. One writer a folder: throws CordonError `audit.occupied` while another process
   * (or runtime) writes there, `audit.invalid` when what lies there does not verify under this key, `audit.failed` when it cannot be written.
   */
  static async open(options: AuditLogOptions): Promise<AuditLog> {
    const log = new AuditLog(options)
    try {
      await mkdir(options.folder, { recursive: true, mode: 0o700 })
      log.#unlock = await lockFolder(options.folder, log.#ops)
      await log.#begin()
    } catch (cause) {
      await log.#release()
      if (cause instanceof CordonError) throw cause
      throw new CordonError('audit.failed', `the audit log in \`${options.folder}\` cannot be written: ${reasonOf(cause)}`, {
        cause,
        hint: 'choose another folder with --audit',
      })
    }
    return log
  }

  get failed(): boolean {
    return this.#failure !== undefined || this.#full
  }

  /** Number of records and hex sha256 of the last one. */
  get head(): { readonly size: number; readonly hash: string } {
    return { size: this.#tree.size, hash: this.#prev }
  }

  /** Text form of the public key that verifies the heads. */
  get publicKey(): string {
    return publicKeyText(this.#key.publicKey)
  }

  append(event: AuditEvent, { durable }: { readonly durable: boolean }): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure)
      else if (this.#closed) reject(new CordonError('audit.failed', 'the audit log is closed'))
      else if (this.#full && (event.type === 'decision' || event.type === 'invoked'))
        reject(new CordonError('audit.failed', 'the disk of the audit log is full', { hint: 'free space; nothing is granted until then' }))
      else {
        this.#queue.push({ event, durable, resolve, reject })
        this.#pumping ??= this.#pump()
      }
    })
  }

  /** Signs and stores the head now. */
  async checkpoint(): Promise<void> {
    clearTimeout(this.#headTimer)
    this.#headTimer = undefined
    this.#headWrite = this.#headWrite.then(() => this.#writeHead())
    await this.#headWrite
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    const last = this.#failure === undefined ? this.append({ type: 'closed' }, { durable: true }) : undefined
    this.#closed = true
    await last?.catch(() => undefined)
    await this.#pumping
    await this.checkpoint().catch(() => undefined)
    await this.#release()
  }

  async #begin(): Promise<void> {
    const path = join(this.folder, recordsFile)
    const headText = await readSmallText(join(this.folder, headFile))
    if (headText !== undefined && !existsSync(path)) throw this.#unusable('it has a head and no records')
    this.#file = await this.#ops.openAppend(path)
    const { tornBytes, unsignedRecords } = await this.#resume(this.#file, headText)
    if (tornBytes > 0) await this.#ops.truncate(this.#file, this.#position)
    await this.#ops.replace(join(this.folder, reserveFile), Buffer.alloc(reserveBytes))
    const keyId = noteKeyId(auditKeyName, this.#key.publicKey, sha256).toHex()
    const found = { ...(tornBytes > 0 && { tornBytes }), ...(unsignedRecords > 0 && { unsignedRecords }) }
    await this.append({ type: 'opened', log: this.#log, keyId, ...found }, { durable: true })
    await this.checkpoint()
  }

  /** Takes up an earlier writer's chain; gives the number of bytes of a last line that a crash tore, and of records no head covers. */
  async #resume(file: FileHandle, headText: string | undefined): Promise<{ tornBytes: number; unsignedRecords: number }> {
    const verifier = new LogVerifier(verifyCrypto, { text: headText, publicKey: this.#key.publicKey })
    let tornBytes = 0
    for await (const { text, end, torn } of linesOf(file)) {
      if (torn) {
        tornBytes = end - this.#position
        this.#checkTorn(text, tornBytes)
        break
      }
      const record = verifier.add(text)
      if (record === undefined) break
      this.#tree.add(Buffer.from(text))
      if (record.type === 'opened') this.#log = record.log
      this.#lastTimeMs = record.timeMs
      this.#position = end
    }
    if (this.#tree.size === 0 && headText === undefined && !verifier.failed) return { tornBytes, unsignedRecords: 0 }
    const { problem, head, unsignedTail } = verifier.finish()
    if (problem !== undefined) throw this.#unusable(`${problem.message} (line ${problem.line})`)
    this.#prev = head
    return { tornBytes, unsignedRecords: unsignedTail }
  }

  /** Only what a torn write of ours may have left is cut off: anything else is somebody's file, and not ours to change. */
  #checkTorn(text: string, bytes: number): void {
    const isOurs = bytes <= maxLineBytes && (text === '' || /^(?:\{|\0+$)/.test(text))
    if (!isOurs) throw this.#unusable('its end is no record')
  }

  #unusable(problem: string): CordonError {
    return new CordonError('audit.invalid', `the audit log in \`${this.folder}\` does not verify: ${problem}`, {
      hint: 'keep the folder as evidence and choose another with --audit',
    })
  }

  async #pump(): Promise<void> {
    // A turn of the event loop gathers what is called together into one write and one sync.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0 && this.#failure === undefined) {
      const group = this.#queue.splice(0, 1024)
      try {
        await this.#writeGroup(group)
      } catch (cause) {
        this.#fail(cause, group)
      }
    }
    this.#pumping = undefined
    this.#headTimer ??= setTimeout(() => void this.checkpoint().catch((cause: unknown) => this.#fail(cause, [])), headEveryMs).unref()
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    if (this.#file === undefined) throw new Error('the log is not open')
    const written: Written[] = []
    const lines: string[] = []
    for (const waiting of group) {
      const { line, receipt } = this.#chain(waiting.event)
      lines.push(`${line}\n`)
      written.push({ waiting, receipt })
    }
    const bytes = Buffer.from(lines.join(''))
    await this.#checkPlace(this.#file)
    await this.#writeMakingRoom(this.#file, bytes)
    this.#position += bytes.length
    for (const { waiting, receipt } of written) if (!waiting.durable) waiting.resolve(receipt)
    if (!group.some((waiting) => waiting.durable)) return
    await this.#ops.sync(this.#file)
    await this.#checkPlace(this.#file)
    for (const { waiting, receipt } of written) waiting.resolve(receipt)
  }

  /** Records that go into a file which is no longer there, or which somebody cut, are no records. */
  async #checkPlace(file: FileHandle): Promise<void> {
    if (await this.#ops.isInPlace(file, join(this.folder, recordsFile), this.#position)) return
    throw new Disturbed('its file was moved, removed or changed by another process')
  }

  #chain(event: AuditEvent): { readonly line: string; readonly receipt: Receipt } {
    // The log's time never runs back, whatever the system clock does.
    this.#lastTimeMs = Math.max(this.#lastTimeMs, this.#now())
    const seq = this.#tree.size
    const line = encodeRecord(event, { seq, timeMs: this.#lastTimeMs, prev: this.#prev })
    const bytes = Buffer.from(line)
    this.#tree.add(bytes)
    this.#prev = sha256(bytes).toHex()
    return { line, receipt: { seq, hash: this.#prev, callId: 'call' in event ? event.call : '' } }
  }

  /** On a full disk the reserve makes room for what is already under way; from then on nothing new is granted. */
  async #writeMakingRoom(file: FileHandle, bytes: Uint8Array): Promise<void> {
    try {
      await this.#ops.write(file, bytes, this.#position)
    } catch (error) {
      if (this.#full || !(error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))) throw error
      this.#full = true
      await this.#ops.remove(join(this.folder, reserveFile))
      await this.#ops.write(file, bytes, this.#position)
    }
  }

  #fail(cause: unknown, group: readonly Waiting[]): void {
    this.#failure ??= new CordonError('audit.failed', `the audit log in \`${this.folder}\` cannot be written: ${reasonOf(cause)}`, {
      cause,
      hint: 'nothing more is granted; free or repair the disk and start again',
    })
    for (const waiting of [...group, ...this.#queue.splice(0)]) waiting.reject(this.#failure)
  }

  async #writeHead(): Promise<void> {
    if (this.#headSize === this.#tree.size || this.#failure !== undefined) return
    const checkpoint = { origin: `cordon-audit/${this.#log}`, size: this.#tree.size, root: this.#tree.root() }
    const signature = this.#key.sign(checkpointBody(checkpoint))
    const id = noteKeyId(auditKeyName, this.#key.publicKey, sha256)
    await this.#ops.replace(join(this.folder, headFile), Buffer.from(encodeCheckpoint(checkpoint, { id, signature })))
    this.#headSize = checkpoint.size
  }

  async #release(): Promise<void> {
    clearTimeout(this.#headTimer)
    // Without the lock the folder is another writer's, and so is what lies in it.
    if (this.#unlock !== undefined) await this.#ops.remove(join(this.folder, reserveFile)).catch(() => undefined)
    await this.#file?.close()
    this.#file = undefined
    await this.#unlock?.()
    this.#unlock = undefined
  }
}

/** Somebody else did something to the records while they were written. */
class Disturbed extends Error {}

const reasonOf = (cause: unknown): string => {
  if (cause instanceof Disturbed) return cause.message
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unexpected failure'
}
