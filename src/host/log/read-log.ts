import { existsSync, readdirSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeRecord, type AuditRecord } from '#core/audit/record.ts'
import { LogVerifier, type Verdict } from '#core/audit/verify.ts'
import { CordonError } from '#core/errors.ts'
import { verifyCrypto } from '#host/log/audit-key.ts'
import { headFile, recordsFile } from '#host/log/layout.ts'
import { linesOf, openLogFile, readSmallText } from '#host/log/log-lines.ts'

/** The audit folders below `root` (or `root` itself), oldest first. Throws CordonError `audit.invalid` when there is none. */
export const findAuditFolders = (root: string): readonly string[] => {
  if (existsSync(join(root, recordsFile))) return [root]
  const folders = isFolder(root) ? readdirSync(root).map((name) => join(root, name)) : []
  const logs = folders.filter((folder) => existsSync(join(folder, recordsFile)))
  if (logs.length === 0)
    throw new CordonError('audit.invalid', `expected an audit log at \`${root}\`, found none`, {
      hint: 'name the folder that `cordon run` printed',
    })
  const began = (folder: string): number => statSync(join(folder, recordsFile)).birthtimeMs
  return logs.toSorted((a, b) => began(a) - began(b))
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/**
 * The records of one log in order; with `follow`, waits for more until `signal` aborts. Lines that are no records are skipped:
 * `verifyAuditLog` reports them. Throws CordonError `audit.invalid` when the log is cut or removed meanwhile.
 */
export async function* readAuditLog(
  folder: string,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<AuditRecord> {
  const { follow = false, signal } = options
  const file = await openLogFile(join(folder, recordsFile))
  try {
    for (let position = 0; ;) {
      position = yield* recordsFrom(file, position)
      if (!follow || signal?.aborted === true) return
      await sleep(100, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
      await refuseIfCut(file, position, folder)
    }
  } finally {
    await file.close()
  }
}

/** The records from an offset on; gives the offset behind the last whole line. */
async function* recordsFrom(file: FileHandle, start: number): AsyncGenerator<AuditRecord, number> {
  let position = start
  for await (const { text, end, torn } of linesOf(file, start)) {
    if (torn) break
    position = end
    const record = decodeRecord(text)
    if (record !== undefined) yield record
  }
  return position
}

/** A log only grows: whoever follows one must hear of it when it was cut under them. */
const refuseIfCut = async (file: FileHandle, position: number, folder: string): Promise<void> => {
  const { size, nlink } = await file.stat()
  if (size < position || nlink === 0) {
    throw new CordonError('audit.invalid', `the audit log in \`${folder}\` was ${nlink === 0 ? 'removed' : 'cut'} while it was read`)
  }
}

/**
 * Verifies the log in `folder` from its files alone. With the public key (32 bytes) a good log is `authenticated`; without, at best `consistent`.
 * Throws CordonError `audit.invalid` when there is no log.
 */
export const verifyAuditLog = async (folder: string, publicKey?: Uint8Array): Promise<Verdict> => {
  if (!existsSync(join(folder, recordsFile))) throw new CordonError('audit.invalid', `expected an audit log at \`${folder}\`, found none`)
  // The head is read first: a log that grows meanwhile only gains records that its next head will cover.
  const text = await readSmallText(join(folder, headFile))
  const verifier = new LogVerifier(verifyCrypto, { text, publicKey })
  const file = await openLogFile(join(folder, recordsFile))
  try {
    for await (const line of linesOf(file)) {
      verifier.add(line.text)
      if (verifier.failed) break
    }
  } finally {
    await file.close()
  }
  return verifier.finish()
}
