import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'
import type { Descriptor } from 'wasi:filesystem/types@0.2.12'
import { errOf, inTurn, same } from '../check.ts'

const steps = (folder: Descriptor, path: string): readonly (readonly [string, () => unknown])[] => [
  ['open', () => folder.openAt({ symlinkFollow: true }, path, {}, { read: true })],
  ['create', () => folder.openAt({}, path, { create: true }, { write: true })],
  ['make a folder', () => folder.createDirectoryAt(path)],
  ['stat', () => folder.statAt({ symlinkFollow: true }, path)],
  ['remove', () => folder.removeDirectoryAt(path)],
  ['unlink', () => folder.unlinkFileAt(path)],
  ['read a link', () => folder.readlinkAt(path)],
  ['rename away', () => folder.renameAt(path, folder, 'taken')],
  ['rename there', () => folder.renameAt('given.txt', folder, path)],
  ['link from', () => folder.linkAt({}, path, folder, 'taken')],
  ['link there', () => folder.linkAt({}, 'given.txt', folder, path)],
  ['symlink there', () => folder.symlinkAt('given.txt', path)],
]

const paths = (inner: Descriptor): void => {
  for (const path of ['..', '../given.txt', '../../etc/passwd', '/etc/passwd', '/given.txt']) {
    for (const [what, step] of steps(inner, path)) same(errOf(step), 'not-permitted', `${what} ${path}`)
  }
}

const links = (root: Descriptor, inner: Descriptor): void => {
  for (const target of ['/etc/passwd', '/', '../out-of-here'])
    same(
      errOf(() => root.symlinkAt(target, 'new')),
      'not-permitted',
      `a link to ${target}`,
    )
  const followed = { symlinkFollow: true }
  for (const path of ['out', 'absolute']) {
    same(
      errOf(() => root.openAt(followed, path, {}, { read: true })),
      'not-permitted',
      `opening ${path}`,
    )
    same(
      errOf(() => root.statAt(followed, path)),
      'not-permitted',
      `stat of ${path}`,
    )
  }
  same(
    errOf(() => inner.openAt(followed, 'up/given.txt', {}, { read: true })),
    'not-permitted',
    'up by a link',
  )
  // Inside what is granted `..` is a folder like others.
  same(root.statAt(followed, 'inner/up/given.txt').type, 'regular-file', 'up by a link, from further up')
  same(root.statAt({}, 'inner/../given.txt').type, 'regular-file', 'down and up again')
}

export const run = (): string => {
  const [first] = getDirectories()
  if (first === undefined) throw new Error('expected a folder')
  const [root] = first
  const inner = root.openAt({}, 'inner', { directory: true }, { read: true, mutateDirectory: true })
  return inTurn({ paths: () => paths(inner), links: () => links(root, inner) })
}
