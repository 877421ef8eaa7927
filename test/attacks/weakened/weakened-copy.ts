import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Weakening } from './attack.ts'
import { weakenedText } from './weaken-plugin.ts'

/** What is written in a copy, or read there by its own path; all else is the project's own. */
const copied = new Set(['src', 'test', 'package.json'])

/** Makes `folder` a copy of the project at `root` without a defence: every thread and child that is started there has the weakened source. */
export const copyWithout = (root: string, folder: string, weakening: Weakening): void => {
  mkdirSync(folder)
  for (const name of readdirSync(root)) {
    if (name === '.git') continue
    if (copied.has(name)) cpSync(join(root, name), join(folder, name), { recursive: true, verbatimSymlinks: true })
    else symlinkSync(join(root, name), join(folder, name))
  }
  for (const file of new Set(weakening.map(([each]) => each))) {
    const text = readFileSync(join(root, file), 'utf8')
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), weakenedText(text, file, weakening))
  }
}
