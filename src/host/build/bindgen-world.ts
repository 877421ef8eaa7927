/**
 * All the world that the transpiler has: no files, no arguments, no environment, nothing to read, diagnostics kept
 * short. It stands in for jco's WASI shim in the vendored transpiler, which works on hostile components.
 */
const keptDiagnosticBytes = 16_384
const decoder = new TextDecoder()
let diagnosticText = ''

/** What the transpiler wrote to its standard error (Rust's panic messages), cut to 16 KiB. */
export const diagnostics = (): string => diagnosticText

const refuse = (): never => {
  throw new Error('the transpiler has no such thing')
}

/** Resources that it knows by name and can never come by: the glue only asks what is an instance of them. */
const [IoError, InputStream, TerminalInput, TerminalOutput, Descriptor, DirectoryEntryStream] = Array.from(
  { length: 6 },
  () =>
    function unobtainable(): never {
      return refuse()
    },
)

class OutputStream {
  checkWrite(): bigint {
    return 65_536n
  }
  write(bytes: Uint8Array): void {
    if (diagnosticText.length < keptDiagnosticBytes) diagnosticText += decoder.decode(bytes)
  }
  blockingWriteAndFlush(bytes: Uint8Array): void {
    this.write(bytes)
  }
  blockingFlush(): void {
    // Nothing is held back.
  }
}

/** Its runtime asks for all three streams before it can write of a panic; nothing ever reads this one. */
const nothingToRead: unknown = Object.create(InputStream?.prototype ?? null)

export const world = {
  environment: { getEnvironment: () => [] },
  exit: { exit: refuse },
  stdin: { getStdin: () => nothingToRead },
  stdout: { getStdout: () => new OutputStream() },
  stderr: { getStderr: () => new OutputStream() },
  terminalInput: { TerminalInput },
  terminalOutput: { TerminalOutput },
  terminalStdin: { getTerminalStdin: () => undefined },
  terminalStdout: { getTerminalStdout: () => undefined },
  terminalStderr: { getTerminalStderr: () => undefined },
  preopens: { getDirectories: () => [] },
  types: { Descriptor, DirectoryEntryStream, filesystemErrorCode: () => undefined },
  error: { Error: IoError },
  streams: { InputStream, OutputStream },
  /** Constant, so that the same component always gives the same text: it only seeds hash tables. */
  random: { getRandomBytes: (length: bigint) => new Uint8Array(Number(length)).fill(0x5a) },
}

// The names that the transpiler imports, taken apart because it imports them by name.
export const { environment, stdin, stdout, stderr, terminalInput, terminalOutput } = world
export const { terminalStdin, terminalStdout, terminalStderr, preopens, types, error, streams, random } = world
const exitInterface = world.exit
export { exitInterface as exit }
