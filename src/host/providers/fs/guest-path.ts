import { fsFault } from './errors.ts'

/** Bytes of UTF-8 that a path may have (Linux PATH_MAX). */
const maxPathBytes = 4096
/** Directories below a mount's root; bounds the descriptors of one walk and the trees a guest can leave behind. */
export const maxDepth = 128
/** Directories within one another that any work goes into: a guest can move what it nested below something else. */
export const maxTreeDepth = 2 * maxDepth

/** A relative path as the guest wrote it, cut into segments. */
export interface RelativePath {
  /** Without empty and `.` segments. */
  readonly segments: readonly string[]
  /** Whether it ends in a way that only a directory can satisfy: `a/`, `a/.`, `.`. */
  readonly mustBeDirectory: boolean
}

/** Cuts a path or a link's target. `\` is a plain character. Throws GuestFault for what no relative path may be. */
export const parseRelativePath = (path: string): RelativePath => {
  if (path === '') throw fsFault('no-entry', 'empty path')
  if (path.includes('\0')) throw fsFault('invalid', 'null byte in path')
  // A lone surrogate would reach the disk as another character than the one that was decided on.
  if (!path.isWellFormed()) throw fsFault('illegal-byte-sequence', 'lone surrogate in path')
  if (new TextEncoder().encode(path).length > maxPathBytes) throw fsFault('name-too-long')
  if (path.startsWith('/')) throw fsFault('not-permitted', 'absolute path')
  return {
    segments: path.split('/').filter((segment) => segment !== '' && segment !== '.'),
    mustBeDirectory: /(?:^|\/)\.?$/.test(path),
  }
}

/** `parent` and one more segment. */
export const joinGuestPath = (parent: string, name: string): string => (parent === '/' ? `/${name}` : `${parent}/${name}`)

/** Whether `path` is `ancestor` or lies below it; both absolute and normalised. */
export const isWithin = (path: string, ancestor: string): boolean =>
  path === ancestor || path.startsWith(ancestor === '/' ? '/' : `${ancestor}/`)

/**
 * What `path` names when no link is in the way: the target that policy decides on. `..` above the root stays at the root, so
 * an attempt to climb out is decided, denied and recorded as what it aims at. The walk checks the real target again.
 */
export const lexicalTarget = (base: string, path: RelativePath): string => {
  const segments = base.split('/').filter((segment) => segment !== '')
  for (const segment of path.segments) {
    if (segment === '..') segments.pop()
    else segments.push(segment)
  }
  if (segments.length > maxTreeDepth) throw fsFault('name-too-long', 'too deep')
  return `/${segments.join('/')}`
}

/** How deep a path without leading `/` ends as text; -1 as soon as it climbs above where it starts. */
export const lexicalDepth = (path: string): number => {
  let depth = 0
  for (const segment of path.split('/')) {
    if (segment === '..') depth -= 1
    else if (segment !== '' && segment !== '.') depth += 1
    if (depth < 0) return -1
  }
  return depth
}
