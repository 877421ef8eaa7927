import type { HeldDirectory, HeldFile } from './file-tree.ts'
import { unlessGone } from './tree-entries.ts'

const chunkBytes = 1024 * 1024

/** Opens what a name means to read it; undefined where that is no regular file (any more). */
export const openIfFile = async (directory: HeldDirectory, name: string): Promise<HeldFile | undefined> => {
  const held = await unlessGone(directory.hold(name))
  if (held === undefined) return undefined
  try {
    const { type } = await held.stat()
    return type === 'regular-file' ? await held.openFile({ read: true, write: false, sync: 'none' }) : undefined
  } finally {
    await held.close()
  }
}

/** Copies one file into another, empty one; gives up past `most` bytes. Returns the number of bytes that `source` was found to have. */
export const copyBytes = async (source: HeldFile, target: HeldFile, most = Number.MAX_SAFE_INTEGER): Promise<number> => {
  let offset = 0
  for (;;) {
    const bytes = await source.read(offset, chunkBytes)
    if (bytes.length === 0 || offset + bytes.length > most) return offset + bytes.length
    await target.write(offset, bytes)
    offset += bytes.length
  }
}
