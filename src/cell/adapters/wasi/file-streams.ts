import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { CallReply } from '#wire/calls.ts'
import { toErrorCode } from './filesystem-error.ts'
import { InboundPipe, type Chunk } from './inbound-pipe.ts'
import type { OpenFile } from './open-file.ts'
import { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'
import { InputStream, OutputStream } from './streams.ts'

const succeededOrFail = (reply: CallReply): Extract<CallReply, { ok: true }> => {
  if (!reply.ok) throw new PipeFailure({ kind: 'filesystem', code: toErrorCode(reply.code) })
  return reply
}

/** A stream of the bytes of `file` from `offset` on. */
export const fileInputStream = (scope: SessionScope, file: OpenFile, start: number): InputStream => {
  const read = async (length: number, position: number): Promise<Chunk> => {
    const offset = start + position
    if (offset + length > Number.MAX_SAFE_INTEGER) return { bytes: new Uint8Array(0), end: true }
    const { body } = succeededOrFail(await scope.call('fs.read', { handle: file.handle, offset, length }))
    return { bytes: body, end: body.byteLength === 0 }
  }
  const pipe = new InboundPipe(scope, read, { positioned: true })
  const done = file.use()
  try {
    return new InputStream(scope, pipe, () => {
      pipe.close()
      done()
    })
  } catch (error) {
    done()
    throw error
  }
}

/** A stream that writes to `file` from `start` on, or at its end when `start` is null. */
export const fileOutputStream = (scope: SessionScope, file: OpenFile, start: number | null): OutputStream => {
  let offset = start
  // What is handed over is gone, so that all of it must have been written: the host does that or fails.
  const write = async (bytes: Uint8Array): Promise<void> => {
    const { byteLength } = bytes
    const { value } = succeededOrFail(await scope.call('fs.write', { handle: file.handle, offset }, bytes))
    if (value['written'] !== byteLength) throw new PipeFailure({ kind: 'filesystem', code: 'io' })
    if (offset !== null) offset += byteLength
  }
  const done = file.use()
  const pipe = new OutboundPipe(scope, { ordered: false, write })
  try {
    return new OutputStream(scope, pipe, () => {
      pipe.end()
      void pipe.untilDrained().then(done, done)
    })
  } catch (error) {
    done()
    throw error
  }
}
