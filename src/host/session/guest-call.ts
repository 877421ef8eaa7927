import type { ExportedFunction } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'

/** The most bytes of JSON a call takes in. */
const maxInputBytes = 8 * 1024 * 1024

const isHandler = ({ kind }: ExportedFunction): boolean => kind === 'http-handler'

/** The export that serves HTTP requests. Throws CordonError `component.export-missing`. */
export const handlerOf = (exports: readonly ExportedFunction[]): ExportedFunction => {
  const found = exports.find(isHandler)
  if (found !== undefined) return found
  const there = exports.length === 0 ? 'none' : exports.map(({ call }) => `\`${call}\``).join(', ')
  throw new CordonError('component.export-missing', `expected an export \`wasi:http/incoming-handler\`, the component has ${there}`, {
    hint: 'an agent that does one task and ends is run: `cordon run`',
  })
}

/** The export of that name, or the first of those that are called when none is named. Throws CordonError `component.export-missing`. */
export const functionOf = (exports: readonly ExportedFunction[], wanted: string | undefined): ExportedFunction => {
  const names = wanted === undefined ? ['cordon:agent/run', 'wasi:cli/run', 'run'] : [wanted]
  const found = names.map((name) => exports.find(({ call }) => call === name)).find((each) => each !== undefined)
  if (found !== undefined && !isHandler(found)) return found
  const expected = wanted === undefined ? 'an export `cordon:agent/run`, `wasi:cli/run` or `run`' : `an export \`${wanted}\``
  const there = exports.length === 0 ? 'none' : exports.map(({ call }) => `\`${call}\``).join(', ')
  throw new CordonError('component.export-missing', `expected ${expected}, the component has ${there}`, {
    hint: exports.some(isHandler) ? 'it answers HTTP requests: serve it with `cordon serve`' : 'name one of them with --call',
  })
}

/** JSON text of what a guest is called with. Throws CordonError `input.invalid`. */
export const inputText = (input: unknown): string => {
  let text: string | undefined
  try {
    text = JSON.stringify(input ?? null)
  } catch (cause) {
    throw new CordonError('input.invalid', 'expected an input that JSON can hold', { cause })
  }
  if (typeof text !== 'string') throw new CordonError('input.invalid', `expected an input that JSON can hold, got ${typeof input}`)
  if (text.length > maxInputBytes)
    throw new CordonError('input.invalid', `expected an input of at most ${maxInputBytes} bytes of JSON, got ${text.length}`, {
      hint: 'pass large data as a file in a mount',
    })
  return text
}
