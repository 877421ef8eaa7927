import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { CordonError } from '#core/errors.ts'
import { templateFiles } from './agent-template.ts'
import { buildToolRanges, packageFile } from './build-tools.ts'

/** Where a new agent goes. */
export interface InitRequest {
  /** Absolute path; made when it is not there, refused when it holds anything. */
  readonly folder: string
  /** Kebab-case; the folder's name when left out. */
  readonly name?: string
}

const nameShape = /^(?=.{1,64}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/

const checkName = (name: string): void => {
  if (nameShape.test(name)) return
  throw new CordonError('bundle.invalid', `expected a name of lower-case letters, digits and single hyphens, got \`${name}\``, {
    hint: 'choose one with --name, such as `my-agent`',
  })
}

const checkEmpty = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new CordonError('bundle.invalid', `expected a folder that can be made, got \`${folder}\``, { cause })
  })
  const [first] = await readdir(folder)
  if (first === undefined) return
  throw new CordonError('bundle.invalid', `expected an empty folder, found \`${first}\` in \`${folder}\``, { hint: 'name a new folder' })
}

/** The version of this package. */
const ownVersion = async (): Promise<string> => {
  const parsed: unknown = JSON.parse(await readFile(packageFile('package.json'), 'utf8'))
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : '*'
}

/**
 * Writes a new TypeScript agent that builds, runs and passes its own test.
 *
 * @returns the paths written, relative to the folder
 * @throws CordonError `bundle.invalid` for a folder that is not empty or a name that is not kebab-case
 */
export const initAgent = async ({ folder, name = basename(folder) }: InitRequest): Promise<readonly string[]> => {
  checkName(name)
  await checkEmpty(folder)
  const files = templateFiles({ name, version: `^${await ownVersion()}`, tools: buildToolRanges('starlingmonkey') })
  for (const [path, text] of files) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text, { flag: 'wx' })
  }
  return [...files.keys()]
}
