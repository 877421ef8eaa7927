import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import process from 'node:process'
import { OutputReader } from './output-reader.ts'
import { Mismatch } from './verdict.ts'

const entry = new URL('../../../src/cli/cordon.ts', import.meta.url).pathname

/** How one process of Cordon is started. */
export interface ProgramStart {
  /** The command line after `cordon`. */
  readonly line: readonly string[]
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
}

/** Codes of refusals at load that say: this host does not have it. */
const refusal = /\((component\.(?:unsupported|import-unknown|export-missing))\)$/m

/** A process of the real command line that runs one program. */
export class CordonProgram implements AsyncDisposable {
  readonly stdout: OutputReader
  readonly stderr: OutputReader
  readonly #child: ChildProcessWithoutNullStreams
  readonly #exited: Promise<unknown>
  #serviceUrl: URL | undefined
  /** What it said on stderr before its address came. */
  #before = ''

  constructor({ line, folder, environment }: ProgramStart) {
    this.#child = spawn(process.execPath, ['--conditions=source', '--disable-sigusr1', entry, ...line], { cwd: folder, env: environment })
    this.stdout = new OutputReader(this.#child.stdout)
    this.stderr = new OutputReader(this.#child.stderr)
    this.#exited = once(this.#child, 'close')
    // What is written to a program that has ended goes nowhere.
    this.#child.stdin.on('error', () => undefined)
  }

  /** Puts text on its standard input, which stays open. */
  write(text: string): void {
    this.#child.stdin.write(text)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends its input and gives its exit code, or minus the number of the signal that it died of. Throws {@link Mismatch} when `signal` comes first. */
  async exitCode(signal: AbortSignal): Promise<number> {
    this.#child.stdin.end()
    const late = new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Mismatch('expected the program to end in time')), { once: true })
    })
    await Promise.race([this.#exited, late])
    const { exitCode, signalCode } = this.#child
    return exitCode ?? -(signalCode === null ? 0 : constants.signals[signalCode])
  }

  /** Where it serves, as it says on stderr. Throws {@link Mismatch} when it does not say so. */
  async serviceUrl(signal: AbortSignal): Promise<URL> {
    while (this.#serviceUrl === undefined) {
      const line = await this.stderr.line(signal)
      this.#before += `${line}\n`
      this.#serviceUrl = urlIn(line)
      if (this.#serviceUrl === undefined && this.stderr.isOver) throw new Mismatch('expected an address to be served at on stderr')
    }
    return this.#serviceUrl
  }

  /** Ends it, and says why it never ran when that was because this host does not have what it needs. */
  async end(): Promise<string | undefined> {
    const refused = refusal.test(this.#complaints)
    await Promise.race([this.#exited, new Promise((resolve) => setTimeout(resolve, refused ? 2000 : 0))])
    await this[Symbol.asyncDispose]()
    return this.#child.exitCode === 125 ? this.#complaints.split('\n').find((line) => refusal.test(line)) : undefined
  }

  get #complaints(): string {
    return this.#before + this.stderr.unread
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#exited
  }
}

const urlIn = (line: string): URL | undefined => {
  const found = /https?:\/\/[^\s]+/.exec(line)?.[0]
  return found !== undefined && URL.canParse(found) ? new URL(found) : undefined
}
