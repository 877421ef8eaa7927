import type { Attack } from './attack.ts'

const walk = 'src/host/providers/fs/walk.ts'
const bundleFile = 'src/host/config/bundle-file.ts'

/** A: files and paths. */
export const fileAttacks: readonly Attack[] = [
  {
    id: 'A2',
    tries: 'a link on the way to a file, under a path that says not to follow',
    proofs: [
      {
        test: 'attacks/files/escapes.test.ts',
        named: 'a link in the middle is walked inside the mount or not at all, followed or not',
        without: [[walk, 'O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW', 'O_PATH | constants.O_DIRECTORY']],
      },
    ],
  },
  {
    id: 'A16',
    tries: 'a manifest, a source or a component of a bundle that leads out of it, or never ends',
    proofs: [
      {
        test: 'attacks/bundles/bundles.test.ts',
        named: 'a folder on the way that is a link out is no way out',
        without: [[bundleFile, 'if (!isWithin(root, real)) {', 'if (isWithin(root, real) && !isWithin(root, real)) {']],
      },
      {
        test: 'attacks/bundles/bundles.test.ts',
        named: 'a component of a terabyte is refused by its length',
        without: [['src/host/config/regular-file.ts', "if (found.size > maxBytes) return 'too-large'", '']],
      },
    ],
  },
]
