import type { Artifact, CoreModule } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { linkCheck } from '#core/implemented-interfaces.ts'
import { integer, listOf, oneOf, record, text, type Shaped } from '#wire/shape.ts'

/** What the child makes; the parent adds the names it gives it. */
export type ArtifactContents = Omit<Artifact, 'key' | 'componentDigest'>

/** Most bytes of an encoded artifact: larger than any component that may come in, with room for what rewriting adds. */
export const maxContentsBytes = 256 * 1024 * 1024
const maxHeadBytes = 1024 * 1024
const maxGlueBytes = 8 * 1024 * 1024
const maxCores = 512
const lengthBytes = 4

const headShape = record({
  glueBytes: integer(1, maxGlueBytes),
  cores: listOf(record({ name: text(40), bytes: integer(8, maxContentsBytes) }), maxCores),
  imports: listOf(text(256), 1000),
  exports: listOf(
    record({
      path: listOf(text(256), 2),
      call: text(512),
      kind: oneOf('agent-run', 'wasi-command', 'plain'),
    }),
    1000,
  ),
})
type Head = Shaped<typeof headShape>

/** Writes contents as bytes: length of the head (u32, little-endian), head (JSON), glue (UTF-8), core modules. */
export const encodeContents = (contents: ArtifactContents): Uint8Array => {
  const glue = Buffer.from(contents.glue, 'utf8')
  const head: Head = {
    glueBytes: glue.length,
    cores: contents.cores.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
    imports: contents.imports,
    exports: contents.exports,
  }
  const headBytes = Buffer.from(JSON.stringify(head), 'utf8')
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32LE(headBytes.length)
  return Buffer.concat([length, headBytes, glue, ...contents.cores.map((core) => core.bytes)])
}

const refuse = (what: string): CordonError => new CordonError('ingest.failed', `an ingested component is not as expected: ${what}`)

const readHead = (bytes: Buffer): { head: Head; end: number } => {
  if (bytes.length < lengthBytes) throw refuse('too short')
  const end = lengthBytes + bytes.readUInt32LE(0)
  if (end > bytes.length || end > maxHeadBytes) throw refuse('bad length')
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8', lengthBytes, end))
  } catch (error) {
    throw new CordonError('ingest.failed', 'an ingested component is not as expected: bad head', { cause: error })
  }
  if (!headShape(parsed)) throw refuse('bad head')
  return { head: parsed, end }
}

/** File names that jco gives to core modules. */
const coreName = /^component\.core\d{0,4}\.wasm$/
const callName = /^[a-z][A-Za-z0-9\-:/#@.[\]]*$/
const pathName = /^[A-Za-z$_][A-Za-z0-9$_\-:/@.+]*$/
const wasmMagic = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

const checkHead = (head: Head): void => {
  const names = head.cores.map((core) => core.name)
  if (new Set(names).size !== names.length || !names.every((name) => coreName.test(name))) throw refuse('core module names')
  const problem = linkCheck(head.imports)
  if (problem !== undefined) throw new CordonError('component.import-unknown', problem.message)
  for (const { call, path } of head.exports) {
    if (!callName.test(call) || path.length === 0 || !path.every((part) => pathName.test(part))) throw refuse('export names')
  }
}

const takeCores = (head: Head, bytes: Buffer, start: number): CoreModule[] => {
  let position = start
  return head.cores.map((core) => {
    const module = bytes.subarray(position, position + core.bytes)
    position += core.bytes
    if (!module.subarray(0, wasmMagic.length).equals(wasmMagic)) throw refuse('core module bytes')
    return { name: core.name, bytes: new Uint8Array(module) }
  })
}

/**
 * Reads what {@link encodeContents} wrote, and checks names, counts, sizes and imports once more: the child that wrote it
 * worked on hostile bytes. (The shape of the glue is the child's word: glue only ever runs in a cell, which is not believed either.)
 * Throws CordonError `ingest.failed` or `component.import-unknown`.
 */
export const decodeContents = (encoded: Uint8Array): ArtifactContents => {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const { head, end } = readHead(bytes)
  checkHead(head)
  const glueEnd = end + head.glueBytes
  const total = head.cores.reduce((sum, core) => sum + core.bytes, glueEnd)
  if (total !== bytes.length) throw refuse('bad total length')
  return {
    glue: bytes.toString('utf8', end, glueEnd),
    cores: takeCores(head, bytes, glueEnd),
    imports: head.imports,
    exports: head.exports,
  }
}
