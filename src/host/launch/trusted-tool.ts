import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'

const writableByOthers = 0o022
const systemFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']

const ownedByRootAlone = (path: string): boolean => {
  const { uid, mode } = statSync(path)
  return uid === 0 && (mode & writableByOthers) === 0
}

const trustedAt = (folder: string, name: string): string | undefined => {
  try {
    const path = realpathSync(join(folder, name))
    accessSync(path, constants.X_OK)
    return ownedByRootAlone(folder) && ownedByRootAlone(dirname(path)) && ownedByRootAlone(path) ? path : undefined
  } catch {
    return undefined
  }
}

/**
 * Where a program that builds a cell's walls lies: the first on `searchPath` (colon-separated), then in the system's
 * folders, that root alone can write. A `bwrap` that an agent or another user planted is not found.
 */
export const findTrustedTool = (name: string, searchPath: string): string | undefined =>
  [...searchPath.split(':').filter((folder) => isAbsolute(folder)), ...systemFolders]
    .map((folder) => trustedAt(folder, name))
    .find((path) => path !== undefined)
