import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CordonError } from '#core/errors.ts'

const keyBytes = 32
const ownerOnly = 0o600

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST'

const read = async (file: string): Promise<Buffer | undefined> => {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw new CordonError('ingest.failed', `the cache key \`${file}\` cannot be read`, { cause: error })
  })
  if (handle === undefined) return undefined
  try {
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size !== keyBytes || (stat.mode & 0o077) !== 0 || stat.uid !== process.geteuid?.()) {
      throw new CordonError(
        'ingest.failed',
        `expected the cache key \`${file}\` to be a file of ${keyBytes} bytes that only its owner can read`,
        {
          hint: 'delete it: a new one is made, and components are ingested again',
        },
      )
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Makes the key under another name and links it into place: whoever comes second uses what the first one made. */
const make = async (file: string): Promise<void> => {
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(draft, 'wx', ownerOnly)
    await handle.writeFile(randomBytes(keyBytes))
    await handle.sync()
    await handle.close()
    await link(draft, file).catch((error: unknown) => {
      if (!isTaken(error)) throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
}

/** The host key that authenticates cache entries (32 bytes), made on first use. Throws CordonError `ingest.failed`. */
export const hostKey = async (file: string): Promise<Buffer> => {
  const key = await read(file)
  if (key !== undefined) return key
  await make(file)
  const made = await read(file)
  if (made === undefined) throw new CordonError('ingest.failed', `the cache key \`${file}\` vanished while it was made`)
  return made
}
