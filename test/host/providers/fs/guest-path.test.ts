import { posix } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isWithin as isWithinByPolicy } from '#core/policy/path.ts'
import { isWithin, joinGuestPath, lexicalDepth, lexicalTarget, parseRelativePath } from '#host/providers/fs/guest-path.ts'

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'ab', '...', '.a', '%2e%2e', 'a\\b', 'é', '__proto__'),
  fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme' }).filter((text) => !/^\.{1,2}$|[/\0]/.test(text) && text.isWellFormed()),
)
const piece = fc.oneof(name, fc.constantFrom('.', '..', ''))
const relative = fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join('/'))
const absolute = fc.array(name, { maxLength: 6 }).map((names) => `/${names.join('/')}`)

test('property: what is decided on is what the path comes to when no link is in the way, as POSIX normalises it', () => {
  fc.assert(
    fc.property(absolute, relative, (base, path) => {
      fc.pre(path !== '' && !path.startsWith('/'))
      const target = lexicalTarget(base, parseRelativePath(path))
      expect(target).toBe(posix.resolve(base, path))
      expect(lexicalTarget(target, parseRelativePath('.'))).toBe(target)
    }),
    { numRuns: 2000 },
  )
})

test('property: a path that never climbs above its start stays within it, and one that ends below says how deep', () => {
  fc.assert(
    fc.property(absolute, relative, (base, path) => {
      fc.pre(path !== '' && !path.startsWith('/'))
      const depth = lexicalDepth(path)
      if (depth < 0) return
      const target = lexicalTarget(base, parseRelativePath(path))
      expect(isWithin(target, base)).toBe(true)
      expect(target.split('/').filter(Boolean).length - base.split('/').filter(Boolean).length).toBe(depth)
    }),
    { numRuns: 2000 },
  )
})

test('property: what lies within what goes by whole segments, and mounts see it as policy does', () => {
  fc.assert(
    fc.property(absolute, absolute, name, (one, other, extra) => {
      const bySegments = other === '/' || `${one}/`.startsWith(`${other}/`)
      expect(isWithin(one, other)).toBe(bySegments)
      // Policy asks it the other way round.
      expect(isWithinByPolicy(other, one)).toBe(bySegments)
      expect(isWithin(joinGuestPath(one, extra), one)).toBe(true)
      expect(isWithin(`${one}${extra}`, one)).toBe(one === '/' || extra.startsWith('/'))
    }),
    { numRuns: 2000 },
  )
})

test('property: only a path that must be a directory is taken for one', () => {
  fc.assert(
    fc.property(relative, (path) => {
      fc.pre(path !== '' && !path.startsWith('/'))
      const last = path.split('/').at(-1)
      expect(parseRelativePath(path).mustBeDirectory).toBe(last === '' || last === '.')
    }),
  )
})
