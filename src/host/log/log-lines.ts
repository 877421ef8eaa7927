import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { maxLineBytes } from '#core/audit/record.ts'
import { CordonError } from '#core/errors.ts'

const sliceBytes = 1024 * 1024

/** One line of a log. */
export interface LogLine {
  /** Without its line feed. What is too long comes cut and what is no UTF-8 comes empty: no verifier accepts either. */
  readonly text: string
  /** Offset of the byte after it. */
  readonly end: number
  /** Whether its line feed is missing: the last line of a writer that died, or is writing. */
  readonly torn: boolean
}

/** Strict, since the hash of a line is over its bytes: two byte sequences must not read as one text. */
const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, maxLineBytes + 1))
  } catch {
    return ''
  }
}

/** The lines of a file from an offset on, split at line feeds alone. Takes little memory whatever the file holds. */
export async function* linesOf(file: FileHandle, from = 0): AsyncGenerator<LogLine> {
  let carry = Buffer.alloc(0)
  let position = from
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(sliceBytes), 0, sliceBytes, position)
    if (bytesRead === 0) break
    position += bytesRead
    let rest = Buffer.concat([carry, buffer.subarray(0, bytesRead)])
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const text = textOf(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      yield { text, end: position - rest.length, torn: false }
    }
    carry = rest.subarray(0, maxLineBytes + 1)
  }
  if (carry.length > 0) yield { text: textOf(carry), end: position, torn: true }
}

const refuse = (path: string, what: string, cause?: unknown): CordonError =>
  new CordonError('audit.invalid', `expected a file of an audit log at \`${path}\`, got ${what}`, { cause })

/** Opens a file of a log that somebody else may have made: a pipe or device there blocks nothing. Throws CordonError `audit.invalid`. */
export const openLogFile = async (path: string): Promise<FileHandle> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw refuse(path, 'none that can be read', cause)
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw refuse(path, 'something that is no file')
}

/** The text of a small file of a log; undefined when it is not there. Throws CordonError `audit.invalid` for one that is longer. */
export const readSmallText = async (path: string, maxBytes = 16_384): Promise<string | undefined> => {
  const file = await openLogFile(path).catch((error: unknown) => {
    const { cause } = error instanceof CordonError ? error : {}
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(maxBytes + 1), 0, maxBytes + 1, 0)
    if (bytesRead > maxBytes) throw refuse(path, `more than ${maxBytes} bytes`)
    return Buffer.from(buffer.subarray(0, bytesRead)).toString('utf8')
  } finally {
    await file.close()
  }
}
