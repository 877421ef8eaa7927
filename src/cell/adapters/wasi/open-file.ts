import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { FileType } from '#wire/calls.ts'

/** What a descriptor may be used for, as it was opened. */
export interface FileAccess {
  readonly read: boolean
  readonly write: boolean
  readonly mutateDirectory: boolean
  readonly fileIntegritySync: boolean
  readonly dataIntegritySync: boolean
  readonly requestedWriteSync: boolean
}

/** No flag at all. */
export const noAccess: FileAccess = {
  read: false,
  write: false,
  mutateDirectory: false,
  fileIntegritySync: false,
  dataIntegritySync: false,
  requestedWriteSync: false,
}

/** What is known of a handle. */
interface Opened {
  readonly handle: number
  readonly type: FileType
  readonly access: FileAccess
  /** Whether it lies in a mount that may be changed at all. */
  readonly writable: boolean
}

/**
 * One open handle of the host, shared by a descriptor and the streams made from it. The host closes it when the last of them
 * is done; nobody waits for that.
 */
export class OpenFile {
  readonly handle: number
  readonly type: FileType
  readonly access: FileAccess
  readonly writable: boolean
  readonly #scope: SessionScope
  readonly #owned: boolean
  #users = 0

  /** Preopened directories belong to the session and are not `owned`. */
  constructor(scope: SessionScope, opened: Opened, owned: boolean) {
    this.#scope = scope
    this.handle = opened.handle
    this.type = opened.type
    this.access = opened.access
    this.writable = opened.writable
    this.#owned = owned
  }

  /** Counts one more user; the result ends its use (once). */
  use(): () => void {
    this.#users++
    let done = false
    return () => {
      if (done) return
      done = true
      this.#users--
      if (this.#users === 0 && this.#owned) this.#scope.call('fs.close', { handle: this.handle }).catch(() => undefined)
    }
  }
}
