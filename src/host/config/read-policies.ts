import { readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CordonError } from '#core/errors.ts'
import type { Policy } from '#core/policy/grants.ts'
import { neutralise } from '#core/policy/neutralise.ts'
import { parsePolicy } from '#core/policy/parse-policy.ts'
import { readYaml } from './read-yaml.ts'

/** The most policy files of one folder. */
const maxFiles = 256

const invalid = (path: string, problem: string, hint: string): CordonError =>
  new CordonError('policy.invalid', `${neutralise(path)}: ${problem}`, { hint })

/** The policy files that a path names: itself, or all `.yaml` and `.yml` of a folder by name, not below it. */
const filesAt = async (path: string): Promise<readonly string[]> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw invalid(path, 'expected a policy file or folder, got nothing', 'check the path given to --policy')
  if (!found.isDirectory()) return [path]
  const names = (await readdir(path)).filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.')).toSorted()
  if (names.length === 0)
    throw invalid(path, 'expected `.yaml` files in the folder, got none', 'a folder without policy grants nothing: name the file')
  if (names.length > maxFiles) throw invalid(path, `expected at most ${maxFiles} files, got ${names.length}`, 'join some of them')
  return names.map((name) => join(path, name))
}

/**
 * Reads operator policies from the named files and folders, in order. Relative host paths in a policy count from its own folder.
 * Throws CordonError `policy.invalid`; a policy that cannot be read is never skipped.
 */
export const readPolicies = async (paths: readonly string[]): Promise<readonly Policy[]> => {
  const policies: Policy[] = []
  for (const file of (await Promise.all(paths.map((path) => filesAt(path)))).flat()) {
    const { value, locate } = await readYaml(file, { code: 'policy.invalid', origin: file, followLinks: true, maxBytes: 1024 * 1024 })
    policies.push(parsePolicy(value, file, { folder: dirname(resolve(file)), locate }))
  }
  return policies
}
