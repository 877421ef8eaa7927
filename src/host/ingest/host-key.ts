import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CordonError, type CordonErrorCode } from '#core/errors.ts'

const keyBytes = 32
const ownerOnly = 0o600

/** What a key is for: how its errors read. */
export interface HostKeyPurpose {
  readonly code: CordonErrorCode
  /** `cache key` */
  readonly name: string
  /** What to do when it is not as it should be. */
  readonly hint: string
}

const cacheKey: HostKeyPurpose = {
  code: 'ingest.failed',
  name: 'cache key',
  hint: 'delete it: a new one is made, and components are ingested again',
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST'

const read = async (file: string, { code, name, hint }: HostKeyPurpose): Promise<Buffer | undefined> => {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw new CordonError(code, `the ${name} \`${file}\` cannot be read`, { cause: error })
  })
  if (handle === undefined) return undefined
  try {
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size !== keyBytes || (stat.mode & 0o077) !== 0 || stat.uid !== process.geteuid?.()) {
      throw new CordonError(code, `expected the ${name} \`${file}\` to be a file of ${keyBytes} bytes that only its owner can read`, {
        hint,
      })
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

/** A key of this host (32 bytes), made on first use: the one that authenticates cache entries, or one for another purpose. Throws CordonError with the purpose's code. */
export const hostKey = async (file: string, purpose: HostKeyPurpose = cacheKey): Promise<Buffer> => {
  const key = await read(file, purpose)
  if (key !== undefined) return key
  await make(file)
  const made = await read(file, purpose)
  if (made === undefined) throw new CordonError(purpose.code, `the ${purpose.name} \`${file}\` vanished while it was made`)
  return made
}
