import { printable, printableJson, printableLine, type CordonError } from '#index.ts'

const gone = new AbortController()

/** Aborted when nobody takes our output any more (`cordon audit show | head`): the reason is the stream's error. */
export const readerGone: AbortSignal = gone.signal

/** Lets a reader that goes away, or a disk that is full, end a run like an interruption, with its records written, instead of the process. */
export const surviveReaders = (): void => {
  process.stdout.on('error', (error) => gone.abort(error))
  // Without what goes beside it a run can go on.
  process.stderr.on('error', () => undefined)
}

const writeTo = (stream: NodeJS.WriteStream, data: string | Uint8Array): Promise<void> =>
  new Promise((resolve) => {
    stream.write(data, () => resolve())
  })

/** Writes to stdout; resolves when it was taken. */
export const writeText = (data: string | Uint8Array): Promise<void> => writeTo(process.stdout, data)

/** Writes to stderr: progress, tables beside a result, errors. */
export const writeNote = (data: string | Uint8Array): Promise<void> => writeTo(process.stderr, data)

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

/** Text in a style, where the stream is a terminal that wants one (https://no-color.org). */
export const styled = (style: keyof typeof codes, text: string, stream: NodeJS.WriteStream = process.stderr): string =>
  stream.isTTY && process.env['NO_COLOR'] === undefined ? `\u001b[${codes[style]}m${text}\u001b[0m` : text

/** Writes JSON for machines, which people may look at as well. */
export const writeJson = (value: unknown): Promise<void> => writeText(`${printableJson(value, 2)}\n`)

/** A guest's output on its way to one stream: neutralised on a terminal, byte for byte into a file or pipe. */
export class GuestOutput {
  readonly #stream: NodeJS.WriteStream
  /** A character may be split over chunks. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  /** Writes a piece; resolves when it was taken. */
  async write(bytes: Uint8Array): Promise<void> {
    await writeTo(this.#stream, this.#stream.isTTY ? printable(this.#decoder.decode(bytes, { stream: true })) : bytes)
  }

  /** Writes what was held back of a character that never ended. */
  async end(): Promise<void> {
    if (this.#stream.isTTY) await writeTo(this.#stream, printable(this.#decoder.decode()))
  }
}

/** Where an agent's own standard output goes beside a result: into a pipe or file the result goes alone. */
export const besideResult = (): NodeJS.WriteStream => (process.stdout.isTTY ? process.stdout : process.stderr)

/** Says what went wrong and what to do: a line or two on stderr, or the envelope's error on stdout with `-o json`. */
export const writeError = async (error: CordonError, args: readonly string[]): Promise<void> => {
  if (asksForJson(args)) {
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    await writeJson({ schemaVersion: 1, ok: false, exitCode: error.exitCode, error: { code: error.code, message: error.message, ...hint } })
    return
  }
  await writeNote(`${styled('red', 'cordon:')} ${indented(error.message)} (${error.code})\n`)
  if (error.hint !== undefined) await writeNote(`  ${styled('cyan', '→')} ${indented(error.hint)}\n`)
  if (error.code === 'internal') await writeNote(internalDetail(error))
}

/** Lines after the first are set in: the text may be a guest's, and must not pass for a line of ours. */
const indented = (text: string): string => printable(text).replaceAll(/\n(?! {2})/g, '\n  ')

/** For a bug of ours the cause helps whoever reports it: its message, never a stack. */
const internalDetail = ({ cause }: CordonError): string => (cause instanceof Error ? `  cause: ${indented(cause.message)}\n` : '')

const asksForJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  return own.some((arg, index) => /^(?:-q?o|--output=)json$/.test(arg) || (/^(?:-q?o|--output)$/.test(arg) && own[index + 1] === 'json'))
}

/** Tells of long work: one line that is rewritten on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #quiet: boolean
  #shown = false

  constructor({ quiet }: { readonly quiet: boolean }) {
    this.#quiet = quiet
  }

  readonly line = (text: string): void => {
    if (this.#quiet) return
    const width = process.stderr.columns ?? 80
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${styled('dim', printableLine(text).slice(0, width - 1))}`)
    else process.stderr.write(`${printableLine(text)}\n`)
    this.#shown = true
  }

  /** Takes the rewritten line away. */
  clear(): void {
    if (this.#shown && process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    this.#shown = false
  }
}
