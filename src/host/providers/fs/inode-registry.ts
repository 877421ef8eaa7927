import { fsFault } from './errors.ts'
import type { NodeStat } from './file-tree.ts'

interface Inode {
  open: number
  /** Its last name went while it was open: its bytes come free with its last handle. */
  unlinked: boolean
}

/**
 * What one session knows about inodes: which are open, so that the bytes of an unlinked file count until they are
 * really free, and which hard links the guest made itself.
 */
export class InodeRegistry {
  readonly #open = new Map<string, Inode>()
  /** Names beyond the first that the guest made. */
  readonly #ownLinks = new Map<string, number>()

  /** Counts a handle. The caller checks the link count *afterwards*, so that an unlink in between is not missed. */
  opened(stats: NodeStat): void {
    const key = stats.inode
    const inode = this.#open.get(key)
    if (inode === undefined) this.#open.set(key, { open: 1, unlinked: false })
    else inode.open += 1
  }

  /** Takes a handle back; true when the file was unlinked and this was its last one. */
  closed(stats: NodeStat): boolean {
    const key = stats.inode
    const inode = this.#open.get(key)
    if (inode === undefined) return false
    inode.open -= 1
    if (inode.open > 0) return false
    this.#open.delete(key)
    return inode.unlinked
  }

  /** Told that a name of a file went; true when that was the last one and its bytes are free at once. */
  unlinked(stats: NodeStat): boolean {
    const key = stats.inode
    const own = this.#ownLinks.get(key) ?? 0
    if (own > 1) this.#ownLinks.set(key, own - 1)
    else this.#ownLinks.delete(key)
    if (stats.links > 1) return false
    const inode = this.#open.get(key)
    if (inode === undefined) return true
    inode.unlinked = true
    return false
  }

  /** Told that the guest made one more name for a file, with how it is now; counts only when every other name is known too. */
  linked(stats: NodeStat): void {
    const key = stats.inode
    const own = this.#ownLinks.get(key) ?? 0
    if (stats.links === own + 2) this.#ownLinks.set(key, own + 1)
  }

  /**
   * Refuses to change a file that has names the guest did not make: they may lie outside the mount (package stores
   * link their files into every project), and a write would change them all.
   */
  refuseForeignLinks(stats: NodeStat): void {
    const own = this.#ownLinks.get(stats.inode) ?? 0
    if (stats.type === 'regular-file' && stats.links > own + 1)
      throw fsFault('not-permitted', 'the file has other names, perhaps outside the mount')
  }
}
