import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import process from 'node:process'
import { commandLine, type Mounted } from './command-line.ts'
import { connectTo, endpointIn, type Connection } from './connection.ts'
import { CordonProgram } from './cordon-program.ts'
import { startServers, type EndpointServers } from './endpoint-servers.ts'
import { defaultExpectation, ExpectationError, readExpectation, type Expectation, type Operation, type OperationOf } from './expectation.ts'
import { exchange } from './service-request.ts'
import { Mismatch, shown, type Verdict } from './verdict.ts'

/** How programs are run. */
export interface RunOptions {
  /** For each step of a program. */
  readonly timeoutMs: number
  /** Further options of every command line, e.g. `--isolation=process`. */
  readonly options: readonly string[]
  /** Where components that were ingested before are kept. */
  readonly cacheFolder: string
}

/** One program with what it is given, from its first step to its last. */
class ProgramRun implements AsyncDisposable {
  readonly #program: string
  readonly #expectation: Expectation
  readonly #options: RunOptions
  readonly #scratch: string
  readonly #connections = new Map<string, Connection>()
  #servers: EndpointServers | undefined
  #folders: readonly string[] = []
  #process: CordonProgram | undefined

  constructor(program: string, expectation: Expectation, options: RunOptions & { readonly scratch: string }) {
    this.#program = program
    this.#expectation = expectation
    this.#options = options
    this.#scratch = options.scratch
  }

  /** Takes all steps. Throws {@link Mismatch}. */
  async run(): Promise<void> {
    for (const step of this.#expectation.operations) await this.#take(step, AbortSignal.timeout(this.#options.timeoutMs))
  }

  /** Ends the process; why it never ran, if this host does not have what it needs. */
  async refusal(): Promise<string | undefined> {
    return await this.#process?.end()
  }

  /** What nobody looked at: it tells most when a step failed. */
  get unread(): string {
    const left = [this.#process?.stdout.unread, this.#process?.stderr.unread].filter((text) => text !== undefined && text !== '')
    return left.length === 0 ? '' : `; it also said ${left.map((text) => shown(text?.trim() ?? '')).join(' and ')}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections.values()) connection[Symbol.dispose]()
    await this.#process?.[Symbol.asyncDispose]()
    await this.#servers?.[Symbol.asyncDispose]()
  }

  async #take(step: Operation, signal: AbortSignal): Promise<void> {
    switch (step.type) {
      case 'folders':
        this.#folders = step.folders
        return
      case 'run':
        return await this.#start(step)
      case 'wait':
        return await this.#wait(step, signal)
      case 'read':
        return expectText(step.id, step.payload, (await this.#running()[step.id].take(Buffer.byteLength(step.payload), signal)).toString())
      case 'read-all':
        return expectText(step.id, step.payload, await this.#running()[step.id].all(signal))
      case 'write':
        return this.#running().write(step.payload)
      case 'kill':
        return this.#running().signal(step.signal)
      case 'request':
        return await exchange(step, await this.#running().serviceUrl(signal), signal)
      case 'connect':
      case 'send':
      case 'recv':
        return await this.#talk(step, signal)
      default:
        return step satisfies never
    }
  }

  async #talk(step: OperationOf<'connect' | 'send' | 'recv'>, signal: AbortSignal): Promise<void> {
    if (step.type === 'connect') {
      this.#connections.set(step.id, await connectTo(endpointIn(await this.#running().stdout.line(signal)), step.protocol_type))
      return
    }
    const connection = this.#connections.get(step.id)
    if (connection === undefined) throw new Mismatch(`expected a connection with the id \`${step.id}\``)
    if (step.type === 'send') connection.send(step.payload)
    else expectText(step.id, step.payload, await connection.receive(Buffer.byteLength(step.payload), signal))
  }

  #running(): CordonProgram {
    if (this.#process === undefined) throw new Mismatch('expected a program to run')
    return this.#process
  }

  async #start(run: OperationOf<'run'>): Promise<void> {
    this.#servers ??= await startServers(this.#expectation.servers)
    await this.#process?.[Symbol.asyncDispose]()
    const home = join(this.#scratch, 'home')
    await mkdir(home, { recursive: true })
    this.#process = new CordonProgram({
      line: commandLine({
        program: this.#program,
        expectation: this.#expectation,
        run,
        mounts: await this.#mounts(run.root),
        servers: this.#servers.addresses,
        options: [...this.#options.options, ...(await furtherOptions(this.#program))],
      }),
      folder: home,
      environment: {
        HOME: home,
        XDG_STATE_HOME: join(home, 'state'),
        XDG_CACHE_HOME: this.#options.cacheFolder,
        // Most of the time that a start takes is Node's, reading the same sources as the last time.
        NODE_COMPILE_CACHE: join(this.#options.cacheFolder, 'node'),
        PATH: process.env['PATH'] ?? '',
      },
    })
  }

  async #wait({ exit_code }: OperationOf<'wait'>, signal: AbortSignal): Promise<void> {
    const got = await this.#running().exitCode(signal)
    if (got !== exit_code) throw new Mismatch(`expected exit code ${exit_code}, got ${got}`)
  }

  /** Copies of the folders that the program gets: whatever it does to them, the next one finds them as they were. */
  async #mounts(root: string | null): Promise<readonly Mounted[]> {
    const wanted = [...(root === null ? [] : [{ from: root, guest: '/' }]), ...this.#folders.map((from) => ({ from, guest: `/${from}` }))]
    return await Promise.all(
      wanted.map(async ({ from, guest }, at) => {
        const host = join(this.#scratch, `root-${at}`)
        if (!existsSync(host)) await copyFolder(besideProgram(this.#program, from), host)
        return { host, guest }
      }),
    )
  }
}

const besideProgram = (program: string, folder: string): string => {
  const inside = normalize(folder)
  if (isAbsolute(inside) || inside.split('/').includes('..'))
    throw new ExpectationError(`expected a folder beside the program, got \`${folder}\``)
  return join(dirname(program), inside)
}

/** Leaves out what an earlier run of the suite's own runner may have left there. */
const copyFolder = async (from: string, to: string): Promise<void> => {
  if (!existsSync(from)) throw new ExpectationError(`expected the folder \`${basename(from)}\` beside the program, found none`)
  await cp(from, to, { recursive: true, verbatimSymlinks: true, filter: (source) => !source.endsWith('.cleanup') })
}

const expectText = (what: string, want: string, got: string): void => {
  if (got !== want) throw new Mismatch(`expected ${what} ${shown(want)}, got ${shown(got)}`)
}

/** Grants that the format has no word for: `<program>.options.json` lists further options of the command line. */
const furtherOptions = async (program: string): Promise<readonly string[]> => {
  const file = program.replace(/\.wasm$/, '.options.json')
  if (!existsSync(file)) return []
  const options: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (Array.isArray(options) && options.every((option) => typeof option === 'string' && option.startsWith('--'))) return options
  throw new ExpectationError(`expected a list of options in \`${basename(file)}\``)
}

const expectationOf = async (program: string): Promise<Expectation> => {
  const file = program.replace(/\.wasm$/, '.json')
  return existsSync(file) ? readExpectation(await readFile(file, 'utf8')) : defaultExpectation
}

/** Runs one program as the expectation beside it says; its own failures are verdicts, those of the harness are thrown. */
export const runProgram = async (program: string, shownAs: string, options: RunOptions): Promise<Verdict> => {
  const startedMs = performance.now()
  const scratch = await mkdtemp(join(tmpdir(), 'cordon-wasi-'))
  const verdict = (kind: Verdict['verdict'], reason = ''): Verdict => ({
    program: shownAs,
    verdict: kind,
    reason,
    ms: Math.round(performance.now() - startedMs),
  })
  try {
    await using run = new ProgramRun(program, await expectationOf(program), { ...options, scratch })
    try {
      await run.run()
      return verdict('pass')
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error
      const refused = await run.refusal()
      return refused === undefined ? verdict('fail', error.message + run.unread) : verdict('unsupported', refused)
    }
  } catch (error) {
    if (error instanceof ExpectationError) return verdict('fail', `in its expectation: ${error.message}`)
    throw error
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
