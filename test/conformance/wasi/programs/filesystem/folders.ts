import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'
import type { Descriptor, DescriptorFlags } from 'wasi:filesystem/types@0.2.12'
import { bytes, errOf, inTurn, same, text } from '../check.ts'

const change: DescriptorFlags = { read: true, mutateDirectory: true }

const rootFolder = (): Descriptor => {
  const [first] = getDirectories()
  if (first === undefined) throw new Error('expected a folder')
  return first[0]
}

const list = (folder: Descriptor): readonly string[] => {
  const names: string[] = []
  const entries = folder.readDirectory()
  for (let entry = entries.readDirectoryEntry(); entry !== undefined; entry = entries.readDirectoryEntry()) {
    names.push(`${entry.name} ${entry.type}`)
  }
  return names.sort()
}

const touch = (folder: Descriptor, path: string, content = ''): void => {
  folder.openAt({}, path, { create: true }, { write: true }).write(bytes(content), 0n)
}

const folders = (root: Descriptor): void => {
  same(list(root), ['given.txt regular-file', 'inner directory'], 'what was there, without . and ..')
  root.createDirectoryAt('made')
  same(
    errOf(() => root.createDirectoryAt('made')),
    'exist',
    'made twice',
  )
  same(
    errOf(() => root.createDirectoryAt('none/made')),
    'no-entry',
    'made in nothing',
  )
  touch(root, 'made/file')
  same(
    errOf(() => root.removeDirectoryAt('made')),
    'not-empty',
    'a full folder removed',
  )
  same(
    errOf(() => root.unlinkFileAt('made')),
    'is-directory',
    'a folder unlinked',
  )
  same(
    errOf(() => root.removeDirectoryAt('given.txt')),
    'not-directory',
    'a file removed as a folder',
  )
  const made = root.openAt({}, 'made', { directory: true }, change)
  same(list(made), ['file regular-file'], 'inside')
  made.unlinkFileAt('file')
  same(list(made), [], 'empty')
  root.removeDirectoryAt('made')
  same(
    errOf(() => root.statAt({}, 'made')),
    'no-entry',
    'gone',
  )
}

const renames = (root: Descriptor): void => {
  touch(root, 'one', 'one')
  touch(root, 'two', 'two')
  root.renameAt('one', root, 'two')
  same(text(root.openAt({}, 'two', {}, { read: true }).read(9n, 0n)[0]), 'one', 'renamed over')
  const inner = root.openAt({}, 'inner', { directory: true }, change)
  root.renameAt('two', inner, 'three')
  same(list(inner), ['deep.txt regular-file', 'three regular-file'], 'moved')
  same(
    errOf(() => root.renameAt('none', root, 'any')),
    'no-entry',
    'nothing renamed',
  )
  root.createDirectoryAt('empty')
  same(
    errOf(() => root.renameAt('inner', root, 'given.txt')),
    'not-directory',
    'a folder over a file',
  )
  same(
    errOf(() => root.renameAt('given.txt', root, 'empty')),
    'is-directory',
    'a file over a folder',
  )
  same(
    errOf(() => root.renameAt('empty', root, 'inner')),
    'not-empty',
    'a folder over a full one',
  )
  root.renameAt('inner', root, 'empty')
  same(list(root), ['empty directory', 'given.txt regular-file'], 'a folder over an empty one')
  root.renameAt('empty', root, 'inner')
}

const links = (root: Descriptor): void => {
  root.linkAt({}, 'given.txt', root, 'hard')
  same(root.statAt({}, 'hard').linkCount, 2n, 'links')
  same(root.openAt({}, 'hard', {}, { read: true }).isSameObject(root.openAt({}, 'given.txt', {}, { read: true })), true, 'one file')
  same(
    errOf(() => root.linkAt({}, 'given.txt', root, 'hard')),
    'exist',
    'linked twice',
  )
  root.unlinkFileAt('hard')
  root.symlinkAt('inner/deep.txt', 'soft')
  same(root.readlinkAt('soft'), 'inner/deep.txt', 'target')
  same(root.statAt({}, 'soft').type, 'symbolic-link', 'the link itself')
  same(root.statAt({ symlinkFollow: true }, 'soft').type, 'regular-file', 'what it points to')
  same(
    errOf(() => root.openAt({}, 'soft', {}, { read: true })),
    'loop',
    'a link that is not followed',
  )
  same(text(root.openAt({ symlinkFollow: true }, 'soft', {}, { read: true }).read(9n, 0n)[0]), 'deep\n', 'a link that is followed')
  same(
    errOf(() => root.readlinkAt('given.txt')),
    'invalid',
    'no link',
  )
  root.symlinkAt('around', 'around')
  same(
    errOf(() => root.statAt({ symlinkFollow: true }, 'around')),
    'loop',
    'a link to itself',
  )
  root.unlinkFileAt('around')
  root.unlinkFileAt('soft')
}

export const run = (): string => {
  const root = rootFolder()
  return inTurn({ folders: () => folders(root), renames: () => renames(root), links: () => links(root) })
}
