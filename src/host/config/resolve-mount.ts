import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CordonError } from '#core/errors.ts'
import { neutralise, quoted } from '#core/policy/neutralise.ts'
import { isWithin } from '#core/policy/path.ts'
import type { Origin } from '#core/policy/rules.ts'

const refuse = (origin: Origin, path: string, [got, hint]: readonly [string, string]): CordonError =>
  new CordonError('mount.invalid', `${neutralise(origin)}: expected a folder at ${quoted(path, 300)}, got ${got}`, { hint })

/** The real path of a folder that need not be there yet: what is there of its way is resolved, or a link on it would hide where it will lie. */
const realOrFuture = (path: string): string => {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch {
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(realOrFuture(parent), basename(absolute))
  }
}

/**
 * Refuses a folder (real path) that holds one of Cordon's own, or lies in it: an agent that reads the keys can sign logs, one that
 * writes the caches writes other agents. Throws CordonError `mount.invalid`.
 */
export const refuseOwnFolders = (real: string, origin: Origin, own: readonly string[]): void => {
  const met = own.map(realOrFuture).find((folder) => isWithin(real, folder) || isWithin(folder, real))
  if (met === undefined) return
  throw new CordonError(
    'mount.invalid',
    `${neutralise(origin)}: expected a folder apart from Cordon's own, got ${quoted(real, 300)}, which overlaps ${quoted(met, 300)}`,
    { hint: 'mount a narrower folder: an agent must not reach the audit log, the keys or the caches' },
  )
}

/**
 * The real path of a host folder that a mount names: absolute, links resolved. Throws CordonError `mount.invalid` when it is missing,
 * is no folder, or cannot be entered.
 */
export const resolveMountFolder = (path: string, origin: Origin): string => {
  try {
    const real = realpathSync(path)
    if (!statSync(real).isDirectory()) throw refuse(origin, path, ['something else', 'mount the folder that holds it'])
    accessSync(real, constants.R_OK | constants.X_OK)
    return real
  } catch (error) {
    if (error instanceof CordonError) throw error
    const errno = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    const isMissing = errno === 'ENOENT' || errno === 'ENOTDIR'
    throw refuse(origin, path, isMissing ? ['nothing', 'create the folder, or correct the path'] : [errno, 'check its permissions'])
  }
}
