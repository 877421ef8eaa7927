import type { Readable } from 'node:stream'

/** What is kept of a cell's stdout and stderr together. */
export const maxDiagnosticBytes = 64 * 1024
const maxLineLength = 1024

// Control, format (bidi among them), private-use and unassigned characters, lone surrogates, line and paragraph separators.
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Text of a hostile process as it may stand in a log or on a terminal: each line printable and cut. */
export const neutralise = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.slice(0, maxLineLength).replace(unprintable, '\u{FFFD}'))
    .join('\n')

/** Reads streams to their end, hands on the first {@link maxDiagnosticBytes} and discards the rest. */
export const captureDiagnostics = (streams: readonly Readable[], hear: (text: string) => void): void => {
  let left = maxDiagnosticBytes
  for (const stream of streams) {
    const utf8 = new TextDecoder('utf-8')
    // A stream that was unpiped stays paused when it gets a listener.
    stream.resume()
    stream.on('error', () => stream.destroy())
    stream.on('data', (chunk: Uint8Array) => {
      if (left === 0) return
      const part = chunk.subarray(0, left)
      left -= part.length
      const text = neutralise(utf8.decode(part, { stream: true }))
      if (text.length > 0) hear(left === 0 ? `${text}\n(cut: more than ${maxDiagnosticBytes} bytes)` : text)
    })
  }
}
