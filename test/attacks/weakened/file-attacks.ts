import type { Attack } from './attack.ts'

const fs = 'src/host/providers/fs'
const escapes = 'attacks/files/escapes.test.ts'
const limits = 'attacks/files/limits.test.ts'
const races = 'attacks/files/races.test.ts'
const copies = 'host/providers/fs/private-copy.test.ts'
const contract = 'host/providers/fs/mount-contract.test.ts'
const bundleFile = 'src/host/config/bundle-file.ts'

/** A walk that goes into whatever a name leads to: the kernel follows links. */
const entersLinks = [
  `${fs}/live-tree.ts`,
  'const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW',
  'const flags = O_PATH | constants.O_DIRECTORY',
] as const

/** A: files and paths. */
export const fileAttacks: readonly Attack[] = [
  {
    id: 'A1',
    tries: 'a link that leads out of the mount, made or found there, and opened',
    proofs: [
      {
        test: escapes,
        named: 'a guest cannot make one',
        without: [
          [
            `${fs}/entry-operations.ts`,
            "if (parseRelativePath(target).segments.includes('..'))",
            'if (parseRelativePath(target).segments.length === 0)',
          ],
        ],
      },
      {
        test: escapes,
        named: 'one that the host left, to ../out/secret, is not followed by anything',
        without: [
          [`${fs}/entry-operations.ts`, "if (target.startsWith('/') || lexicalDepth(`${folder}/${target}`) < 0)", "if (folder === '/..')"],
        ],
      },
    ],
  },
  {
    id: 'A2',
    tries: 'a link on the way to a file, under a path that says not to follow',
    proofs: [
      { test: escapes, named: 'a link in the middle is walked inside the mount or not at all, followed or not', without: [entersLinks] },
    ],
  },
  {
    id: 'A4',
    tries: 'a folder and a link that take turns at one name while a path through it is walked',
    proofs: [
      { test: races, named: 'never wins against two guests that share the folder', without: [entersLinks] },
      { test: races, named: 'never wins against a private copy', without: [entersLinks] },
    ],
  },
  {
    id: 'A7',
    tries: 'a slash after a name, to have a link there followed or a file taken for a folder',
    proofs: [
      {
        test: contract,
        named: 'memory: opening',
        without: [[`${fs}/open-entry.ts`, "if (mustBeDirectory) throw fsFault('not-directory')", 'void mustBeDirectory']],
      },
    ],
  },
  {
    id: 'A8',
    tries: 'writing to a mount that is read-only, when a decision errs',
    proofs: [
      {
        test: limits,
        named: 'is read-only by the mount itself, not only by the decision',
        without: [
          [
            `${fs}/fs-world.ts`,
            "if (action === 'fs:write' && mount.mode !== 'rw')",
            "if (action === 'fs:write' && mount.guestPath === '')",
          ],
        ],
      },
    ],
  },
  {
    id: 'A9',
    tries: 'a link with an absolute target, and a link left behind for a later tool',
    proofs: [
      {
        test: escapes,
        named: 'to /proc/self/environ are refused',
        without: [[`${fs}/guest-path.ts`, "if (path.startsWith('/')) throw fsFault('not-permitted', 'absolute path')", '']],
      },
      {
        test: copies,
        named: 'links that a guest made are left behind, and told',
        without: [
          [
            `${fs}/write-back.ts`,
            "else throw fsFault('unsupported', 'links are not taken over')",
            'else await folder.createLink(name, await entry.directory.readLink(name))',
          ],
        ],
      },
    ],
  },
  {
    id: 'A10',
    tries: '`..` above the start of a path, and bytes that a system call reads otherwise than a decision',
    proofs: [
      {
        test: contract,
        named: 'a live folder: opening',
        without: [
          [`${fs}/guest-path.ts`, "if (!path.isWellFormed()) throw fsFault('illegal-byte-sequence', 'lone surrogate in path')", ''],
        ],
      },
    ],
  },
  {
    id: 'A12',
    tries: 'a FIFO, a socket or a device that blocks who opens it; a file that has another name outside',
    proofs: [
      {
        test: limits,
        named: 'a FIFO, a socket and a device are refused at once, whatever the flags',
        without: [[`${fs}/live-tree.ts`, "if (!stats.isFile()) throw fsFault('not-permitted', `a ${fileTypeOf(stats)}`)", 'void stats']],
      },
      {
        test: escapes,
        named: 'a file that has a name outside can be read, but no name of it can be written',
        without: [
          [
            `${fs}/inode-registry.ts`,
            "if (stats.type === 'regular-file' && stats.links > own + 1)",
            "if (stats.type === 'fifo' && stats.links > own + 1)",
          ],
        ],
      },
      {
        test: copies,
        named: 'nothing that the host put in the way is followed: no link, wherever it leads',
        without: [entersLinks],
      },
    ],
  },
  {
    id: 'A13',
    tries: 'growing without end: writing past the end, holes, links, names, files that are open and have no name',
    proofs: [
      {
        test: contract,
        named: 'every way to grow is charged',
        without: [[`${fs}/open-file.ts`, 'usage.grow(reserved)', 'void usage']],
      },
      {
        test: contract,
        named: 'the text of a link counts',
        without: [
          [`${fs}/usage.ts`, "(type === 'regular-file' || type === 'symbolic-link' ? size : 0)", "(type === 'regular-file' ? size : 0)"],
        ],
      },
      {
        test: contract,
        named: 'a file with many names counts once',
        without: [[`${fs}/inode-registry.ts`, 'inode.unlinked = true\n    return false', 'inode.unlinked = true\n    return true']],
      },
      {
        test: contract,
        named: 'every kind of name is charged',
        without: [[`${fs}/usage.ts`, 'if (this.#entries >= this.#limit.entries)', 'if (this.#entries < 0)']],
      },
      {
        test: copies,
        named: 'a folder past a quota is refused at the start',
        without: [[`${fs}/private-copy.ts`, 'if (this.entries.size >= limit.entries)', 'if (this.entries.size < 0)']],
      },
    ],
  },
  {
    id: 'A13-copies',
    tries: 'a private copy that comes back larger than it may, or cannot be removed, and folders nested without end',
    proofs: [
      {
        test: 'attacks/files/copies.test.ts',
        named: 'deeper than any path goes like any other',
        without: [[`${fs}/private-folder.ts`, 'rename(path, join(top,', 'rename(path, join(path,']],
      },
      {
        test: 'attacks/files/copies.test.ts',
        named: 'brings back no more than its quota',
        without: [[`${fs}/write-back.ts`, 'if (stat.size > this.#maxBytes - this.#counts.bytes) throw', 'if (stat.size < 0) throw']],
      },
      {
        test: 'attacks/files/copies.test.ts',
        named: 'by a user of the host are neither copied nor measured',
        without: [[`${fs}/tree-entries.ts`, 'path.length > maxTreeDepth', 'path.length < 0']],
      },
      {
        test: 'attacks/files/copies.test.ts',
        named: 'is put in order once',
        without: [[`${fs}/memory-tree.ts`, '(this.#inode.listed ??= [', '(this.#inode.listed = [']],
      },
      {
        test: 'attacks/files/copies.test.ts',
        named: 'not made where somebody else can rename them',
        without: [[`${fs}/private-folder.ts`, '  await checkBase(real)\n', '']],
      },
    ],
  },
  {
    id: 'A14',
    tries: 'an error text with a path of the host in it',
    proofs: [
      {
        test: 'host/providers/fs/errors.test.ts',
        named: 'no word of the message, which names a host path, is kept',
        without: [[`${fs}/errors.ts`, "'io', String(error.code))", "'io', String(error.message))"]],
      },
    ],
  },
  {
    id: 'A15',
    tries: 'a folder above a denied path, moved away so that no rule names it',
    proofs: [
      {
        test: limits,
        named: 'by moving the directory above it',
        without: [[`${fs}/entry-operations.ts`, '  refusePinned(world, source.guestPath)\n', '']],
      },
      {
        test: limits,
        named: 'by its name, by a link',
        without: [[`${fs}/fs-world.ts`, 'if (!this.#granted.alsoAllows(actual)) throw', "if (guestPath === '') throw"]],
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
