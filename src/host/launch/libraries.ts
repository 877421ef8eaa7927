import { execFile } from 'node:child_process'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { isAbsolute } from 'node:path'

const elfMagic = 0x7f45_4c46
const interpreterSegment = 3
const maxSegments = 128
const maxPathBytes = 4096

/** The dynamic loader that a 64-bit little-endian ELF file names; `undefined` for a static one. */
const loaderOf = async (binary: string): Promise<string | undefined> => {
  await using file = await open(binary)
  const header = new DataView(new ArrayBuffer(64))
  await file.read(header, 0, 64, 0)
  if (header.getUint32(0) !== elfMagic) return undefined
  const tableAt = Number(header.getBigUint64(32, true))
  const entryBytes = header.getUint16(54, true)
  const entries = Math.min(header.getUint16(56, true), maxSegments)
  const table = new DataView(new ArrayBuffer(entryBytes * entries))
  await file.read(table, 0, table.byteLength, tableAt)
  for (let at = 0; at < table.byteLength; at += entryBytes) {
    if (table.getUint32(at, true) !== interpreterSegment) continue
    const path = Buffer.alloc(Math.min(Number(table.getBigUint64(at + 32, true)), maxPathBytes))
    await file.read(path, 0, path.length, Number(table.getBigUint64(at + 8, true)))
    return path.toString('latin1').replace(/\0.*$/s, '')
  }
  return undefined
}

/**
 * The dynamic loader and the shared libraries that a program is run with, as absolute paths: all of the file system
 * that a cell needs besides its code. Asks the program's own loader; empty for a static program.
 */
export const librariesOf = async (binary: string): Promise<readonly string[]> => {
  const loader = await loaderOf(binary)
  if (loader === undefined || !isAbsolute(loader)) return []
  const { stdout } = await promisify(execFile)(loader, ['--list', binary], { env: {}, timeout: 10_000 })
  const listed = [...stdout.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)]
    .map(([, path]) => path)
    .filter((path) => path !== undefined)
  return [...new Set([loader, ...listed])]
}
