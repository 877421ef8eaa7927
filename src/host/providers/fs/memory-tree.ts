import type { FileType } from '#wire/calls.ts'
import { fsFault } from './errors.ts'
import {
  type FileAccess,
  type HeldDirectory,
  type HeldEntry,
  type HeldFile,
  type ListPage,
  maxListedEntries,
  maxNameBytes,
  maxPageEntries,
  type NodeStat,
  type NodeTimes,
} from './file-tree.ts'
import { PageCollector } from './list-page.ts'
import { SparseBytes } from './sparse-bytes.ts'
import { isTooDeep } from './tree-entries.ts'

/** Names that one inode may have (as on ext4). */
const maxLinks = 65_000

interface Inode {
  readonly id: number
  readonly type: FileType
  /** Of a file. */
  readonly content: SparseBytes
  /** Of a directory. */
  readonly children: Map<string, Inode>
  /** Their names in order, once they were listed: a guest may list the same ones without end, on the host's thread. */
  listed: readonly string[] | undefined
  /** Of a link. */
  readonly target: string
  /** Names; of a directory, 1 or, once it is removed, 0. */
  names: number
  /** Of a directory: where it is, unless it is the root. */
  place: { readonly parent: Inode; readonly name: string } | undefined
  accessedNs: bigint
  modifiedNs: bigint
  changedNs: bigint
}

/** What the inodes of one tree share. */
interface MemoryTree {
  readonly name: string
  readonly nowNs: () => bigint
  readonly root: Inode
  next: number
}

const newInode = (tree: Pick<MemoryTree, 'nowNs' | 'next'>, type: FileType, target = ''): Inode => {
  const now = tree.nowNs()
  const id = tree.next
  tree.next += 1
  return {
    id,
    type,
    target,
    content: new SparseBytes(),
    children: new Map(),
    listed: undefined,
    names: 0,
    place: undefined,
    accessedNs: now,
    modifiedNs: now,
    changedNs: now,
  }
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).length

const sizeOf = ({ type, content, target }: Inode): number => (type === 'symbolic-link' ? utf8Length(target) : content.size)

const statOf = (tree: MemoryTree, inode: Inode): NodeStat => ({
  inode: `${tree.name}:${inode.id}`,
  type: inode.type,
  size: sizeOf(inode),
  links: inode.names,
  accessedNs: inode.accessedNs,
  modifiedNs: inode.modifiedNs,
  changedNs: inode.changedNs,
})

const setTimesOf = (tree: MemoryTree, inode: Inode, { accessedNs, modifiedNs }: NodeTimes): void => {
  // Nothing here needs the bound; it is the same as a live mount's.
  if (accessedNs >= 2n ** 63n || modifiedNs >= 2n ** 63n) throw fsFault('overflow', 'time')
  Object.assign(inode, { accessedNs, modifiedNs, changedNs: tree.nowNs() })
}

/** Where the names past `after` begin. */
const firstAfter = (names: readonly string[], after: string | null): number => {
  if (after === null) return 0
  let [low, high] = [0, names.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((names[middle] ?? '') > after) high = middle
    else low = middle + 1
  }
  return low
}

/** An open file of a tree in memory. */
class MemoryFile implements HeldFile {
  readonly #tree: MemoryTree
  readonly #inode: Inode

  constructor(tree: MemoryTree, inode: Inode) {
    this.#tree = tree
    this.#inode = inode
  }

  async stat(): Promise<NodeStat> {
    return statOf(this.#tree, this.#inode)
  }

  async setTimes(times: NodeTimes): Promise<void> {
    setTimesOf(this.#tree, this.#inode, times)
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.#inode.content.read(offset, length)
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#inode.content.write(offset, bytes)
    this.#modified()
  }

  async resize(size: number): Promise<void> {
    this.#inode.content.resize(size)
    this.#modified()
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}

  #modified(): void {
    const now = this.#tree.nowNs()
    Object.assign(this.#inode, { modifiedNs: now, changedNs: now })
  }
}

/** A held inode of a tree in memory. It goes when nothing names or holds it any more. */
class MemoryNode implements HeldDirectory, HeldEntry {
  readonly #tree: MemoryTree
  readonly #inode: Inode

  constructor(tree: MemoryTree, inode: Inode) {
    this.#tree = tree
    this.#inode = inode
  }

  async stat(): Promise<NodeStat> {
    return statOf(this.#tree, this.#inode)
  }

  async setTimes(times: NodeTimes): Promise<void> {
    setTimesOf(this.#tree, this.#inode, times)
  }

  async close(): Promise<void> {}

  asDirectory(): HeldDirectory {
    return this
  }

  async openFile(_access: FileAccess): Promise<HeldFile> {
    if (this.#inode.type !== 'regular-file') throw fsFault('not-permitted', `a ${this.#inode.type}`)
    return new MemoryFile(this.#tree, this.#inode)
  }

  where(): string {
    const names: string[] = []
    for (let inode = this.#inode; inode !== this.#tree.root; inode = inode.place.parent) {
      if (inode.place === undefined) throw fsFault('no-entry', 'the directory was removed')
      // Asked with every call: a guest can move folders below one another without end.
      if (isTooDeep(names)) throw fsFault('name-too-long', 'too deep')
      names.push(inode.place.name)
    }
    return names.toReversed().join('/')
  }

  async again(): Promise<HeldDirectory> {
    return new MemoryNode(this.#tree, this.#inode)
  }

  async enter(name: string): Promise<HeldDirectory> {
    const inode = this.#child(name)
    if (inode.type !== 'directory') throw fsFault('not-directory')
    return new MemoryNode(this.#tree, inode)
  }

  async hold(name: string): Promise<HeldEntry> {
    return new MemoryNode(this.#tree, this.#child(name))
  }

  async statOf(name: string): Promise<NodeStat> {
    return statOf(this.#tree, this.#child(name))
  }

  async readLink(name: string): Promise<string> {
    const { type, target } = this.#child(name)
    if (type !== 'symbolic-link') throw fsFault('invalid', 'no link')
    return target
  }

  async list(after: string | null): Promise<ListPage> {
    const { children, type } = this.#inode
    if (type !== 'directory') throw fsFault('not-directory')
    if (children.size > maxListedEntries) throw fsFault('overflow', 'too many entries to list')
    const names = (this.#inode.listed ??= [...children.keys()].toSorted())
    const first = firstAfter(names, after)
    const page = new PageCollector(after)
    for (const name of names.slice(first, first + maxPageEntries + 1)) page.add(name, children.get(name)?.type ?? 'unknown')
    return page.done()
  }

  async createFile(name: string, _access: FileAccess): Promise<HeldFile> {
    this.#checkFree(name)
    const inode = newInode(this.#tree, 'regular-file')
    this.#put(name, inode)
    return new MemoryFile(this.#tree, inode)
  }

  async createDirectory(name: string): Promise<void> {
    this.#checkFree(name)
    this.#put(name, newInode(this.#tree, 'directory'))
  }

  async createLink(name: string, target: string): Promise<void> {
    this.#checkFree(name)
    this.#put(name, newInode(this.#tree, 'symbolic-link', target))
  }

  async addName(name: string, source: HeldDirectory, from: string): Promise<void> {
    const inode = this.#siblingOf(source).#child(from)
    this.#checkFree(name)
    if (inode.type === 'directory') throw fsFault('not-permitted', 'a directory has one name')
    if (inode.names >= maxLinks) throw fsFault('too-many-links')
    this.#put(name, inode)
  }

  async moveHere(name: string, source: HeldDirectory, from: string): Promise<void> {
    const origin = this.#siblingOf(source)
    const moved = origin.#child(from)
    this.#checkName(name)
    const replaced = this.#children().get(name)
    if (replaced === moved) return
    if (moved.type === 'directory' && this.#isWithin(moved)) throw fsFault('invalid', 'a directory into itself')
    if (replaced !== undefined) {
      if (moved.type === 'directory' && replaced.type !== 'directory') throw fsFault('not-directory')
      if (moved.type !== 'directory' && replaced.type === 'directory') throw fsFault('is-directory')
      if (replaced.children.size > 0) throw fsFault('not-empty')
      this.#take(name, replaced)
    }
    origin.#take(from, moved)
    this.#put(name, moved)
  }

  async removeFile(name: string): Promise<void> {
    const inode = this.#child(name)
    if (inode.type === 'directory') throw fsFault('is-directory')
    this.#take(name, inode)
  }

  async removeDirectory(name: string): Promise<void> {
    const inode = this.#child(name)
    if (inode.type !== 'directory') throw fsFault('not-directory')
    if (inode.children.size > 0) throw fsFault('not-empty')
    this.#take(name, inode)
  }

  async sync(): Promise<void> {}

  #children(): Map<string, Inode> {
    if (this.#inode.type !== 'directory') throw fsFault('not-directory')
    if (this.#inode.names === 0) throw fsFault('no-entry', 'the directory was removed')
    return this.#inode.children
  }

  #child(name: string): Inode {
    this.#checkName(name)
    const inode = this.#children().get(name)
    if (inode === undefined) throw fsFault('no-entry')
    return inode
  }

  #checkName(name: string): void {
    if (utf8Length(name) > maxNameBytes) throw fsFault('name-too-long')
  }

  #checkFree(name: string): void {
    this.#checkName(name)
    if (this.#children().has(name)) throw fsFault('exist')
  }

  /** Whether this directory is the given one or below it. */
  #isWithin(ancestor: Inode): boolean {
    for (let inode: Inode | undefined = this.#inode; inode !== undefined; inode = inode.place?.parent) if (inode === ancestor) return true
    return false
  }

  #siblingOf(other: HeldDirectory): MemoryNode {
    if (!(other instanceof MemoryNode) || other.#tree !== this.#tree) throw fsFault('cross-device')
    return other
  }

  #put(name: string, inode: Inode): void {
    this.#inode.children.set(name, inode)
    this.#inode.listed = undefined
    inode.names += 1
    if (inode.type === 'directory') inode.place = { parent: this.#inode, name }
    this.#renamed(inode)
  }

  #take(name: string, inode: Inode): void {
    this.#inode.children.delete(name)
    this.#inode.listed = undefined
    inode.names -= 1
    inode.place = undefined
    this.#renamed(inode)
  }

  #renamed(inode: Inode): void {
    const now = this.#tree.nowNs()
    inode.changedNs = now
    Object.assign(this.#inode, { modifiedNs: now, changedNs: now })
  }
}

/**
 * A tree of files that lies in memory and goes with its session. `name` tells its inodes from those of the session's other trees.
 * It bounds nothing itself: quotas are the mount's.
 */
export const createMemoryTree = (name: string, nowNs: () => bigint = () => BigInt(Date.now()) * 1_000_000n): HeldDirectory => {
  const start = { nowNs, next: 1 }
  const root = newInode(start, 'directory')
  root.names = 1
  return new MemoryNode({ name, root, ...start }, root)
}
