import { inside, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { Descriptor } from './descriptor.ts'
import { DirectoryEntryStream } from './directory-entry-stream.ts'
import type { IoError } from './io-error.ts'
import { noAccess, OpenFile } from './open-file.ts'

/** `wasi:filesystem/types` and `preopens`. */
export const filesystemInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const getDirectories = (): [Descriptor, string][] => {
    const { scope } = slot
    return scope.world.start.preopens.map(({ handle, guestPath, writable }) => {
      const access = { ...noAccess, read: true, mutateDirectory: writable }
      const root = new OpenFile(scope, { handle, type: 'directory', access, writable }, false)
      return [new Descriptor(scope, root), guestPath]
    })
  }
  const filesystemErrorCode = (error: IoError): string | undefined => {
    const cause = error[inside]
    return cause.kind === 'filesystem' ? cause.code : undefined
  }
  return {
    'wasi:filesystem/types': sealInterface({ Descriptor, DirectoryEntryStream, filesystemErrorCode }),
    'wasi:filesystem/preopens': sealInterface({ getDirectories }),
  }
}
