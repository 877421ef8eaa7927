import { closeSync, createReadStream, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeRecord, maxLineBytes, type AuditRecord } from '#core/audit/record.ts'
import { LogVerifier, type Verdict } from '#core/audit/verify.ts'
import { CordonError } from '#core/errors.ts'
import { verifyCrypto } from '#host/log/audit-key.ts'
import { headFile, recordsFile } from '#host/log/layout.ts'

const maxSlice = 4 * 1024 * 1024

/** The audit folders below `root` (or `root` itself), oldest first. Throws CordonError `audit.invalid` when there is none. */
export const findAuditFolders = (root: string): readonly string[] => {
  if (existsSync(join(root, recordsFile))) return [root]
  const folders = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : []
  const logs = folders.filter((folder) => existsSync(join(folder, recordsFile)))
  if (logs.length === 0)
    throw new CordonError('audit.invalid', `expected an audit log at \`${root}\`, found none`, {
      hint: 'name the folder that `cordon run` printed',
    })
  const began = (folder: string): number => statSync(join(folder, recordsFile)).birthtimeMs
  return logs.toSorted((a, b) => began(a) - began(b))
}

/** The lines of a file, split at line feeds alone; a line past the longest that a log may hold comes cut, which no verifier accepts. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let carry = Buffer.alloc(0)
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: maxSlice })
  for await (const chunk of stream) {
    let rest = Buffer.concat([carry, chunk])
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield rest.toString('utf8', 0, end)
      rest = rest.subarray(end + 1)
    }
    carry = rest.subarray(0, maxLineBytes + 1)
  }
  if (carry.length > 0) yield carry.toString('utf8')
}

const recordsIn = (lines: Buffer): readonly AuditRecord[] =>
  lines
    .toString('utf8')
    .split('\n')
    .map((line) => decodeRecord(line))
    .filter((record) => record !== undefined)

/** The records of one log in order; with `follow`, waits for more until `signal` aborts. Lines that are no records are skipped: `verifyAuditLog` reports them. */
export async function* readAuditLog(
  folder: string,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<AuditRecord> {
  const path = join(folder, recordsFile)
  let position = 0
  for (;;) {
    const size = statSync(path).size
    const bytes = size > position ? readSlice(path, position, size) : undefined
    const whole = bytes?.subarray(0, bytes.lastIndexOf(0x0a) + 1) ?? Buffer.alloc(0)
    yield* recordsIn(whole)
    position += whole.length
    if (whole.length > 0) continue
    if (options.follow !== true || options.signal?.aborted === true) return
    await sleep(100, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => undefined)
  }
}

const readSlice = (path: string, start: number, end: number): Buffer => {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(Math.min(end - start, maxSlice))
    return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, start))
  } finally {
    closeSync(file)
  }
}

/**
 * Verifies the log in `folder` from its files alone. With the public key (32 bytes) a good log is `authenticated`; without, at best `consistent`.
 * Throws CordonError `audit.invalid` when there is no log.
 */
export const verifyAuditLog = async (folder: string, publicKey?: Uint8Array): Promise<Verdict> => {
  const path = join(folder, recordsFile)
  if (!existsSync(path)) throw new CordonError('audit.invalid', `expected an audit log at \`${folder}\`, found none`)
  const headPath = join(folder, headFile)
  // The head is read first: a log that grows meanwhile only gains records that its next head will cover.
  const text = existsSync(headPath) ? readFileSync(headPath, 'utf8') : undefined
  const verifier = new LogVerifier(verifyCrypto, { text, publicKey })
  for await (const line of linesOf(path)) verifier.add(line)
  return verifier.finish()
}
