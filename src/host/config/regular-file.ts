import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/** Why a file that is there was not read. */
export type Unread = 'not-regular' | 'too-large'

const readUpTo = async (file: FileHandle, buffer: Uint8Array): Promise<number> => {
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}

/**
 * The bytes of a regular file of at most `maxBytes`: a pipe, a device or a file that grows meanwhile blocks nothing and fills no
 * memory. Rejects with the system's error when it cannot be opened.
 */
export const readRegularFile = async (
  path: string,
  { maxBytes, followLinks = true }: { readonly maxBytes: number; readonly followLinks?: boolean },
): Promise<Uint8Array | Unread> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW))
  try {
    const found = await file.stat()
    if (!found.isFile()) return 'not-regular'
    if (found.size > maxBytes) return 'too-large'
    // Some files of the kernel say that they are empty. One byte more than may be there shows that there are more.
    const buffer = new Uint8Array((found.size === 0 ? maxBytes : found.size) + 1)
    const length = await readUpTo(file, buffer)
    return length === buffer.length ? 'too-large' : buffer.subarray(0, length)
  } finally {
    await file.close()
  }
}
