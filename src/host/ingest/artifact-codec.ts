import type { Artifact, ComponentArtifact, CoreModule, GlueArtifact } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { linkCheck } from '#core/implemented-interfaces.ts'
import { integer, listOf, oneOf, record, text, type Shaped } from '#wire/shape.ts'

/** What the child makes; the parent adds the names it gives it. */
export type ArtifactContents = ComponentContents | GlueContents
export type ComponentContents = Omit<ComponentArtifact, keyof Names>
export type GlueContents = Omit<GlueArtifact, keyof Names>
type Names = Pick<Artifact, 'key' | 'componentDigest'>

/** Most bytes of an encoded artifact: larger than any component that may come in, with room for what rewriting adds. */
export const maxContentsBytes = 256 * 1024 * 1024
const maxHeadBytes = 1024 * 1024
const maxGlueBytes = 8 * 1024 * 1024
const maxCores = 512
const lengthBytes = 4

const common = {
  imports: listOf(text(256), 1000),
  exports: listOf(
    record({
      path: listOf(text(256), 2),
      call: text(512),
      kind: oneOf('agent-run', 'wasi-command', 'http-handler', 'plain'),
    }),
    1000,
  ),
}
const componentHead = record({ linking: oneOf('component'), ...common })
const glueHead = record({
  linking: oneOf('glue'),
  glueBytes: integer(1, maxGlueBytes),
  cores: listOf(record({ name: text(40), bytes: integer(8, maxContentsBytes) }), maxCores),
  ...common,
})
type GlueHead = Shaped<typeof glueHead>
type Head = Shaped<typeof componentHead> | GlueHead

const headOf = (contents: ArtifactContents): Head => {
  const { linking, imports, exports } = contents
  if (linking === 'component') return { linking, imports, exports }
  return {
    linking,
    glueBytes: Buffer.byteLength(contents.glue, 'utf8'),
    cores: contents.cores.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
    imports,
    exports,
  }
}

/**
 * Writes contents as bytes: length of the head (u32, little-endian), head (JSON), then the component to the end, or the glue (UTF-8) and the
 * core modules.
 */
export const encodeContents = (contents: ArtifactContents): Uint8Array => {
  const headBytes = Buffer.from(JSON.stringify(headOf(contents)), 'utf8')
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32LE(headBytes.length)
  const body =
    contents.linking === 'component'
      ? [contents.component]
      : [Buffer.from(contents.glue, 'utf8'), ...contents.cores.map((core) => core.bytes)]
  return Buffer.concat([length, headBytes, ...body])
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
  if (!componentHead(parsed) && !glueHead(parsed)) throw refuse('bad head')
  return { head: parsed, end }
}

/** File names that jco gives to core modules. */
const coreName = /^component\.core\d{0,4}\.wasm$/
const callName = /^[A-Za-z][A-Za-z0-9\-:/#@.[\]]*$/
const pathName = /^[A-Za-z$_][A-Za-z0-9$_\-:/@.+]*$/
const coreMagic = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
const componentMagic = Buffer.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0])

const startsWith = (bytes: Buffer, magic: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic)

const checkHead = (head: Head): void => {
  const problem = linkCheck(head.imports)
  if (problem !== undefined) throw new CordonError('component.import-unknown', problem.message)
  for (const { call, path } of head.exports) {
    if (!callName.test(call) || path.length === 0 || !path.every((part) => pathName.test(part))) throw refuse('export names')
  }
}

const takeCores = (head: GlueHead, bytes: Buffer, start: number): CoreModule[] => {
  const names = head.cores.map((core) => core.name)
  if (new Set(names).size !== names.length || !names.every((name) => coreName.test(name))) throw refuse('core module names')
  let position = start
  return head.cores.map((core) => {
    const module = bytes.subarray(position, position + core.bytes)
    position += core.bytes
    if (!startsWith(module, coreMagic)) throw refuse('core module bytes')
    return { name: core.name, bytes: new Uint8Array(module) }
  })
}

const takeGlue = (head: GlueHead, bytes: Buffer, start: number): Pick<GlueContents, 'glue' | 'cores'> => {
  const glueEnd = start + head.glueBytes
  const total = head.cores.reduce((sum, core) => sum + core.bytes, glueEnd)
  if (total !== bytes.length) throw refuse('bad total length')
  return { glue: bytes.toString('utf8', start, glueEnd), cores: takeCores(head, bytes, glueEnd) }
}

const takeComponent = (bytes: Buffer, start: number): Uint8Array => {
  const component = bytes.subarray(start)
  if (!startsWith(component, componentMagic)) throw refuse('component bytes')
  return new Uint8Array(component)
}

/**
 * Reads what {@link encodeContents} wrote, and checks names, counts, sizes and imports once more: the child that wrote it
 * worked on hostile bytes. (What the component or the glue do is the child's word: both only ever run in a cell, which is not believed either.)
 * Throws CordonError `ingest.failed` or `component.import-unknown`.
 */
export const decodeContents = (encoded: Uint8Array): ArtifactContents => {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength)
  const { head, end } = readHead(bytes)
  checkHead(head)
  const { imports, exports } = head
  if (head.linking === 'component') return { linking: head.linking, component: takeComponent(bytes, end), imports, exports }
  return { linking: head.linking, ...takeGlue(head, bytes, end), imports, exports }
}
