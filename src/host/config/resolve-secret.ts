import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import { neutralise, quoted } from '#core/policy/neutralise.ts'

/** The most bytes of one secret. */
const maxBytes = 64 * 1024

const unavailable = (source: string, got: string, hint: string): CordonError =>
  new CordonError('secret.unavailable', `expected a secret at ${quoted(source, 300)}, got ${got}`, { hint })

const readSecretFile = async (path: string, source: string): Promise<string> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw unavailable(source, errno === 'ENOENT' ? 'no such file' : neutralise(errno), 'check the path and its permissions')
  })
  try {
    const found = await file.stat()
    if (!found.isFile()) throw unavailable(source, 'something that is no file', 'name a file')
    const { bytesRead, buffer } = await file.read(new Uint8Array(maxBytes + 1), 0, maxBytes + 1, 0)
    if (bytesRead > maxBytes) throw unavailable(source, 'more than 64 KiB', 'name a file that holds the secret alone')
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(buffer.subarray(0, bytesRead)).replace(/\r?\n$/, '')
  } catch (error) {
    // The decoder's own error may quote what it met.
    throw error instanceof CordonError ? error : unavailable(source, 'bytes that are not UTF-8', 'store the secret as text')
  } finally {
    await file.close()
  }
}

/**
 * The value of a secret named by `env://NAME` or `file:///path` (one trailing newline of a file is cut). Throws CordonError
 * `secret.unavailable` when it is missing, empty, or holds a line break or null, which no header may carry. The value is never
 * part of a message.
 */
export const resolveSecretSource = async (
  source: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> => {
  const name = source.startsWith('env://') ? source.slice('env://'.length) : undefined
  const path = source.startsWith('file:///') ? source.slice('file://'.length) : undefined
  if (name === undefined && path === undefined) {
    throw new CordonError('secret.unavailable', 'expected a source `env://NAME` or `file:///path`, got text of another form', {
      hint: 'put the secret into a variable or a file and name that',
    })
  }
  const value = path === undefined ? variable(name ?? '', environment) : await readSecretFile(path, source)
  if (value === undefined) throw unavailable(source, 'no such variable', `set ${quoted(name ?? '')} before the run`)
  if (value === '') throw unavailable(source, 'an empty one', 'fill it')
  if (/[\0\r\n]/.test(value)) throw unavailable(source, 'one with line breaks or null characters', 'store it on one line')
  return value
}

const variable = (name: string, environment: Readonly<Record<string, string | undefined>>): string | undefined =>
  Object.hasOwn(environment, name) ? environment[name] : undefined
