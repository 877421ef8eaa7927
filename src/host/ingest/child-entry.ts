import { Socket } from 'node:net'
import { CordonError } from '#core/errors.ts'
import { encodeContents, maxContentsBytes } from './artifact-codec.ts'
import { loadToolset, type Toolset } from './bindgen.ts'
import { frameHeader, frameKind, FrameReader } from './frame.ts'
import { makeContents } from './make-contents.ts'

/**
 * The throw-away process in which ingest touches hostile bytes: one request on descriptor 3, one answer, end. It is started
 * under the permission model with its own code readable and nothing else; once that is loaded it gives even that up.
 */
const maxMessageLength = 500

const failureOf = (error: unknown): { code: string; message: string } => {
  if (error instanceof CordonError) return { code: error.code, message: error.message.slice(0, maxMessageLength) }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure'
  return { code: 'ingest.failed', message: message.slice(0, maxMessageLength) }
}

const answer = (request: Buffer, tools: Toolset): { kind: number; body: Uint8Array } => {
  try {
    const profile = { maxMemoryPages: request.readUInt32LE(0), maxTableElements: request.readUInt32LE(4) }
    return { kind: frameKind.contents, body: encodeContents(makeContents(new Uint8Array(request.subarray(8)), profile, tools)) }
  } catch (error) {
    return { kind: frameKind.failure, body: Buffer.from(JSON.stringify(failureOf(error)), 'utf8') }
  }
}

const tools = await loadToolset()
process.permission.drop('fs.read')

const pipe = new Socket({ fd: 3, readable: true, writable: true })
const reader = new FrameReader((kind) => (kind === frameKind.request ? maxContentsBytes : -1))
pipe.on('data', (chunk: Uint8Array) => {
  const frame = reader.take(chunk)
  if (frame === undefined) return
  const { kind, body } = answer(frame.body, tools)
  pipe.write(frameHeader(kind, body.length))
  pipe.end(body)
})
