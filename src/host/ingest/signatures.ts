import { readFile } from 'node:fs/promises'
import { CordonError } from '#core/errors.ts'
import { parseInterfaceName } from '#core/interface-name.ts'
import type { Signatures } from './signature-text.ts'

/** The folder that `build:vendor` makes; the same place from `src/` and from the published `dist/`. */
export const vendorFolder = new URL('../../../dist/vendor/', import.meta.url)
/** The signatures of all functions that this host links. */
export const signaturesFile = new URL('interfaces.json', vendorFolder)

const isTextRecord = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string')

const isSignatures = (value: unknown): value is Signatures =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([id, functions]) => parseInterfaceName(id) !== undefined && isTextRecord(functions))

/** Loads the functions that may be imported. Throws CordonError `ingest.failed`. */
export const loadSignatures = async (): Promise<Signatures> => {
  const signatures: unknown = JSON.parse(await readFile(signaturesFile, 'utf8'))
  if (isSignatures(signatures)) return signatures
  throw new CordonError('ingest.failed', 'expected signatures in `dist/vendor/interfaces.json`, found something else')
}
