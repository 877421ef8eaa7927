import { CordonError, printable } from '#index.ts'

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

/** A guest's output as it may be shown: neutralised on a terminal, byte for byte into a file or pipe. */
export const guestOutput = (bytes: Uint8Array, stream: NodeJS.WriteStream): string | Uint8Array =>
  stream.isTTY ? printable(new TextDecoder().decode(bytes)) : bytes

/** Says what went wrong and what to do: a line or two on stderr, or the envelope's error on stdout with `-o json`. */
export const writeError = async (error: CordonError, args: readonly string[]): Promise<void> => {
  if (asksForJson(args)) {
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    await writeText(
      `${JSON.stringify({ schemaVersion: 1, ok: false, exitCode: error.exitCode, error: { code: error.code, message: error.message, ...hint } }, null, 2)}\n`,
    )
    return
  }
  await writeNote(`${styled('red', 'cordon:')} ${printable(error.message)} (${error.code})\n`)
  if (error.hint !== undefined) await writeNote(`  ${styled('cyan', '→')} ${printable(error.hint)}\n`)
  if (error.code === 'internal') await writeNote(internalDetail(error))
}

/** For a bug of ours the cause helps whoever reports it: its message, never a stack. */
const internalDetail = ({ cause }: CordonError): string => (cause instanceof Error ? `  cause: ${printable(cause.message)}\n` : '')

const asksForJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  return own.some(
    (arg, index) => arg === '-ojson' || arg === '--output=json' || ((arg === '-o' || arg === '--output') && own[index + 1] === 'json'),
  )
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
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${styled('dim', printable(text).slice(0, width - 1))}`)
    else process.stderr.write(`${printable(text)}\n`)
    this.#shown = true
  }

  /** Takes the rewritten line away. */
  clear(): void {
    if (this.#shown && process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    this.#shown = false
  }
}
