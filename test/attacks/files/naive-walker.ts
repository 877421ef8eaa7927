import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What a host must not do: looks at every name on the way, refuses links, and then opens the whole path by name. Between looking and
 * opening, whoever renames in parallel decides what is opened. The tests race against this too, to see that their racers win.
 */
export const readAfterLooking = (root: string, path: string): string => {
  let reached = root
  try {
    for (const segment of path.split('/')) {
      if (segment === '..') return 'not-permitted'
      reached = join(reached, segment)
      if (lstatSync(reached).isSymbolicLink()) return 'loop'
    }
    return readFileSync(reached, 'utf8')
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'failed'
  }
}
