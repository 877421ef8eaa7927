import { Socket } from 'node:net'
import { CordonError } from '#core/errors.ts'
import { encodeContents, maxContentsBytes, type ArtifactContents } from './artifact-codec.ts'
import { frameHeader, frameKind, FrameReader } from './frame.ts'
import type { LimitsProfile } from './profile.ts'
import { BeyondWasi02 } from './rewrite-component.ts'
import { CarriesWorld } from './wrap-program.ts'

/** Ingest on bytes: one of its ways. */
export type Make = (component: Uint8Array, profile: LimitsProfile) => ArtifactContents

const maxMessageLength = 500

const failureOf = (error: unknown): { code: string; message: string } => {
  if (error instanceof CordonError) return { code: error.code, message: error.message.slice(0, maxMessageLength) }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure'
  return { code: 'ingest.failed', message: message.slice(0, maxMessageLength) }
}

const answer = (request: Buffer, make: Make): { kind: number; body: Uint8Array } => {
  try {
    const profile = { maxMemoryPages: request.readUInt32LE(0), maxTableElements: request.readUInt32LE(4) }
    return { kind: frameKind.contents, body: encodeContents(make(new Uint8Array(request.subarray(8)), profile)) }
  } catch (error) {
    if (error instanceof CarriesWorld) return { kind: frameKind.carriesWorld, body: new Uint8Array() }
    if (error instanceof BeyondWasi02) {
      return { kind: frameKind.beyond, body: Buffer.from(error.message.slice(0, maxMessageLength), 'utf8') }
    }
    return { kind: frameKind.failure, body: Buffer.from(JSON.stringify(failureOf(error)), 'utf8') }
  }
}

/**
 * What a throw-away process that touches hostile bytes does once its code is loaded: it gives up reading files, takes one request on descriptor
 * 3, answers, and ends.
 */
export const serveRequest = (make: Make): void => {
  process.permission.drop('fs.read')
  const pipe = new Socket({ fd: 3, readable: true, writable: true })
  const reader = new FrameReader((kind) => (kind === frameKind.request ? maxContentsBytes : -1))
  pipe.on('data', (chunk: Uint8Array) => {
    const frame = reader.take(chunk)
    if (frame === undefined) return
    const { kind, body } = answer(frame.body, make)
    pipe.write(frameHeader(kind, body.length))
    pipe.end(body)
  })
}
