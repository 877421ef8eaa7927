import type { Dirent } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

import { CordonError } from '#core/errors.ts'

/** More than any agent has; `node_modules` are the operator's own and not counted. */
const maxEntries = 20_000
const skipped = new Set(['node_modules', '.git'])

const refuse = (root: string, path: string, problem: string): CordonError =>
  new CordonError('bundle.invalid', `expected plain files in the bundle, \`${relative(root, path)}\` ${problem}`, { hint: 'remove it' })

/** Where links lead to is looked at again when a file is loaded; here only that it can be opened without harm. */
const checkEntry = async (root: string, path: string, entry: Dirent): Promise<void> => {
  if (entry.isFile() || entry.isDirectory()) return
  const found = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry
  // A link that leads nowhere can be no file that is read.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) throw refuse(root, path, 'is no file')
}

/**
 * Looks over a bundle's folder before the bundler does: it opens whatever its author put at a name that it knows (`package.json`,
 * an import), and a pipe would hold it up for ever, a link to a device would fill its memory. Throws CordonError `bundle.invalid`.
 */
export const surveyBundle = async (folder: string): Promise<void> => {
  const root = await realpath(folder)
  const folders = [root]
  let seen = 0
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for await (const entry of await opendir(at)) {
      seen += 1
      if (seen > maxEntries) throw refuse(root, at, `has more than ${maxEntries} entries around it`)
      if (skipped.has(entry.name)) continue
      const path = join(at, entry.name)
      await checkEntry(root, path, entry)
      if (entry.isDirectory()) folders.push(path)
    }
  }
}
