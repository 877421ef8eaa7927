import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vitest/config'
import type { Weakening } from './attack.ts'
import { weakeningOf } from './catalogue.ts'

const pathOf = (id: string): string => id.split('?')[0] ?? ''

const occurrences = (text: string, part: string): number => text.split(part).length - 1

/** The text of a source file without its defence. Throws when the defence is not there exactly once: a weakening that misses would prove nothing. */
export const weakenedText = (text: string, file: string, weakening: Weakening): string =>
  weakening.reduce((before, [place, defence, without]) => {
    if (place !== file) return before
    const count = occurrences(before, defence)
    if (count !== 1) throw new Error(`expected \`${defence}\` once in ${file}, found it ${count} times: adapt the weakening`)
    return before.replace(defence, () => without)
  }, text)

/**
 * With `CORDON_WEAKEN=<name>` the modules of the host under test are loaded without the defence of that name. This is the only switch, and
 * it lies in the test tree: nothing in `src/` knows of it.
 */
export const weakenPlugin = (root: string, name = process.env['CORDON_WEAKEN']): Plugin => {
  const weakening = name === undefined ? [] : weakeningOf(name)
  const files = new Map(weakening.map(([file]) => [join(root, file), file]))
  return {
    name: 'weaken',
    enforce: 'pre',
    configureVitest({ defineCacheKeyGenerator }) {
      // What the cache holds is the real host: a weakened module neither comes from it nor gets into it.
      defineCacheKeyGenerator(({ id }) => (files.has(pathOf(id)) ? false : undefined))
    },
    load(id) {
      const path = pathOf(id)
      const file = files.get(path)
      return file === undefined ? undefined : weakenedText(readFileSync(path, 'utf8'), file, weakening)
    },
  }
}
