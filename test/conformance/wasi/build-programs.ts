import { globSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProgram, isProgram } from './build-program.ts'

/** Where the sources of our own programs are, each with its expectation beside it. */
export const programSources = fileURLToPath(new URL('programs', import.meta.url))

/** The names of our own programs: `cli/arguments`. */
export const programNames: readonly string[] = globSync('*/*', { cwd: programSources })
  .filter(isProgram)
  .map((file) => file.replace(/\.[a-z]+$/, ''))
  .sort()

/** Builds our own programs into `target`, beside copies of their expectations and folders. */
export const buildPrograms = async (target: string, filter = ''): Promise<void> => {
  await cp(programSources, target, { recursive: true, verbatimSymlinks: true, filter: (file) => !isProgram(file) })
  for (const file of globSync('*/*', { cwd: programSources })
    .filter((name) => isProgram(name) && name.includes(filter))
    .sort()) {
    await writeFile(join(target, file.replace(/\.[a-z]+$/, '.wasm')), await buildProgram(join(programSources, file)))
  }
}
