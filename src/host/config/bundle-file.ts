import { lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { CordonError } from '#core/errors.ts'
import { quoted } from '#core/policy/neutralise.ts'
import { isWithin } from '#core/policy/path.ts'

/**
 * The real path of a file that a manifest names (`source`, `component`), proven to lie in the bundle: a link in a bundle is its
 * author's way to a file of the host, and a pipe or device would never end. Throws CordonError `bundle.not-found` when it is
 * missing, `bundle.invalid` when it leads out of the folder or is no regular file.
 */
export const bundleFile = async (folder: string, relative: string): Promise<string> => {
  const root = await realpath(folder)
  const real = await realpath(join(root, relative)).catch((cause: unknown) => {
    throw new CordonError('bundle.not-found', `expected ${quoted(relative)} in the bundle, found nothing`, {
      cause,
      hint: 'check the path in agent.yaml, or run `cordon build` first',
    })
  })
  if (!isWithin(root, real)) {
    throw new CordonError('bundle.invalid', `expected ${quoted(relative)} inside the bundle, got a link that leads out of it`, {
      hint: 'put the file itself into the bundle',
    })
  }
  if ((await lstat(real)).isFile()) return real
  throw new CordonError('bundle.invalid', `expected ${quoted(relative)} to be a file, got something else`, { hint: 'name a file' })
}
