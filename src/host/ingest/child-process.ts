import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { CordonError, type CordonErrorCode } from '#core/errors.ts'
import { printableLine } from '#core/printable.ts'
import { captureDiagnostics } from '#host/launch/diagnostics.ts'
import { readResidentBytes } from '#host/launch/proc.ts'
import { startThrowAwayChild } from '#host/launch/throw-away-child.ts'
import { oneOf, record, text } from '#wire/shape.ts'
import { decodeContents, maxContentsBytes, type ArtifactContents } from './artifact-codec.ts'
import { encoderFiles } from './encoder.ts'
import { frameHeader, frameKind, FrameReader } from './frame.ts'
import type { LimitsProfile } from './profile.ts'
import { signaturesFile, vendorFolder } from './signatures.ts'
import { frameFiles } from './wrap-program.ts'

/** One component for one child. */
export interface ChildJob {
  readonly component: Uint8Array
  readonly profile: LimitsProfile
  readonly timeoutMs: number
  readonly rssBytes: number
  readonly signal: AbortSignal | undefined
  /** `jco` goes straight to the transpiler. */
  readonly linker: 'own' | 'jco'
  readonly progress: (line: string) => void
}

const pollMs = 10
const maxFailureBytes = 16 * 1024
const keptDiagnostics = 2000

const failureShape = record({
  code: oneOf('component.invalid', 'component.unsupported', 'component.import-unknown', 'ingest.failed'),
  message: text(maxFailureBytes),
})

/** The ways of ingest: with the reader of components of WASI 0.2 first, then, where it takes one, with the encoder of components or with jco's transpiler. */
type Route = 'component' | 'encoder' | 'glue'

/** What a child found: an artifact, or bytes that are for another child. */
type Finding =
  | { readonly kind: 'made'; readonly contents: ArtifactContents }
  | { readonly kind: 'elsewhere'; readonly route: Route; readonly why: string }

const fromSource = import.meta.url.endsWith('.ts')
const extension = fromSource ? 'ts' : 'js'
const entries: Readonly<Record<Route, string>> = {
  component: fileURLToPath(new URL(`child-entry.${extension}`, import.meta.url)),
  encoder: fileURLToPath(new URL(`encoder-child-entry.${extension}`, import.meta.url)),
  glue: fileURLToPath(new URL(`glue-child-entry.${extension}`, import.meta.url)),
}

/** Where acorn lies: as it is named from here and as that is linked to, which differ in installations that share packages. */
const acornFolders = (): readonly string[] => {
  const named = (createRequire(import.meta.url).resolve.paths('acorn') ?? []).map((folder) => join(folder, 'acorn')).find(existsSync)
  const actual = dirname(dirname(fileURLToPath(import.meta.resolve('acorn'))))
  return named === undefined || named === actual ? [actual] : [actual, named]
}

const transpilerPaths = (): readonly string[] => [`${fileURLToPath(vendorFolder)}*`, ...acornFolders().map((folder) => `${folder}/*`)]

const vendored = (names: readonly string[]): readonly string[] => names.map((name) => fileURLToPath(new URL(name, vendorFolder)))

/** What a route reads besides code of this package. */
const vendoredPaths: Readonly<Record<Route, () => readonly string[]>> = {
  component: () => [fileURLToPath(signaturesFile), ...vendored(frameFiles)],
  encoder: () => [fileURLToPath(signaturesFile), ...vendored(encoderFiles)],
  glue: transpilerPaths,
}

/** What a child may read until it has loaded: its own code, and what names it. */
const readablePaths = (route: Route): readonly string[] => {
  const code = fileURLToPath(new URL('../../', import.meta.url))
  const manifest = fileURLToPath(new URL('../../../package.json', import.meta.url))
  const own = [`${code}core/*`, `${code}wire/*`, `${code}host/ingest/*`, manifest]
  return [...own, ...vendoredPaths[route]()]
}

const start = (route: Route): ChildProcess =>
  startThrowAwayChild({
    command: [
      process.execPath,
      ...(fromSource ? ['--conditions=source'] : []),
      '--permission',
      ...readablePaths(route).map((path) => `--allow-fs-read=${path}`),
      '--no-experimental-sqlite',
      '--disallow-code-generation-from-strings',
      '--disable-sigusr1',
      '--no-warnings',
      entries[route],
    ],
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: false,
    capabilities: 'drop',
  })

/** How long an answer of that kind may be; -1 for none. Only the reader of WASI 0.2 may pass bytes on. */
const maxBytesOf = (route: Route, kind: number): number => {
  if (kind === frameKind.contents) return maxContentsBytes
  if (kind === frameKind.failure) return maxFailureBytes
  if (kind === frameKind.carriesWorld && route === 'component') return 0
  return kind === frameKind.beyond && route === 'component' ? maxFailureBytes : -1
}

const failureFrom = (body: Buffer): CordonError => {
  try {
    const failure: unknown = JSON.parse(body.toString('utf8'))
    if (failureShape(failure)) return new CordonError(failure.code, printableLine(failure.message))
  } catch {
    // Falls through: a child that cannot say why it failed has failed all the same.
  }
  return new CordonError('ingest.failed', 'the ingest process gave an answer that is not as expected')
}

/** One child from start to end. The first cause of its end wins; it is always killed and always waited for. */
class ChildRun {
  readonly #route: Route
  readonly #job: ChildJob
  readonly #child: ChildProcess
  readonly #done = Promise.withResolvers<Finding>()
  #diagnostics = ''

  constructor(route: Route, job: ChildJob) {
    this.#route = route
    this.#job = job
    this.#child = start(route)
  }

  async run(): Promise<Finding> {
    const exited = new Promise<void>((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#ended(code, signal)
        resolve()
      })
      this.#child.once('error', (error) => {
        this.#fail('ingest.failed', `the ingest process cannot be started: ${error.message}`)
        if (this.#child.pid === undefined) resolve()
      })
    })
    const release = this.#watch()
    try {
      this.#converse()
      return await this.#done.promise
    } finally {
      release()
      this.#child.kill('SIGKILL')
      await exited
    }
  }

  #fail(code: CordonErrorCode, message: string, hint?: string): void {
    this.#done.reject(new CordonError(code, message, hint === undefined ? {} : { hint }))
  }

  #watch(): () => void {
    const { timeoutMs, rssBytes, signal } = this.#job
    const timer = setTimeout(() => this.#fail('ingest.timeout', `ingest took longer than ${timeoutMs} ms`), timeoutMs)
    const poll = setInterval(() => {
      const resident = this.#child.pid === undefined ? undefined : readResidentBytes(this.#child.pid)
      if (resident !== undefined && resident > rssBytes) {
        this.#fail('ingest.memory', `ingest needed ${resident} bytes of memory; expected at most ${rssBytes}`)
      }
    }, pollMs)
    const interrupt = (): void => this.#fail('session.interrupted', 'ingest was interrupted')
    signal?.addEventListener('abort', interrupt, { once: true })
    return () => {
      clearTimeout(timer)
      clearInterval(poll)
      signal?.removeEventListener('abort', interrupt)
    }
  }

  #converse(): void {
    const { stdout, stderr, stdio } = this.#child
    const pipe = stdio[3]
    if (stdout === null || stderr === null || !(pipe instanceof Duplex)) return
    captureDiagnostics([stdout, stderr], (line) => {
      if (this.#diagnostics.length < keptDiagnostics) this.#diagnostics += line.slice(0, keptDiagnostics)
    })
    const reader = new FrameReader((kind) => maxBytesOf(this.#route, kind))
    // A child that ends early breaks the pipe; its end says why.
    pipe.on('error', () => pipe.destroy())
    pipe.on('data', (chunk: Uint8Array) => {
      try {
        const frame = reader.take(chunk)
        if (frame !== undefined) this.#answered(frame.kind, frame.body)
      } catch (error) {
        this.#done.reject(
          error instanceof CordonError
            ? error
            : new CordonError('ingest.failed', 'the ingest process broke its protocol', { cause: error }),
        )
      }
    })
    const { component, profile } = this.#job
    const header = Buffer.alloc(8)
    header.writeUInt32LE(profile.maxMemoryPages, 0)
    header.writeUInt32LE(profile.maxTableElements, 4)
    pipe.write(frameHeader(frameKind.request, header.length + component.length))
    pipe.write(header)
    pipe.write(component)
  }

  #answered(kind: number, body: Buffer): void {
    if (kind === frameKind.failure) return this.#done.reject(failureFrom(body))
    if (kind === frameKind.carriesWorld) {
      return this.#done.resolve({ kind: 'elsewhere', route: 'encoder', why: 'making a component of a module that carries its world' })
    }
    if (kind === frameKind.beyond) {
      const why = `linking by way of jco what is past WASI 0.2: ${printableLine(body.toString('utf8'))}`
      return this.#done.resolve({ kind: 'elsewhere', route: 'glue', why })
    }
    const contents = decodeContents(body)
    if (contents.linking !== (this.#route === 'glue' ? 'glue' : 'component'))
      throw new CordonError('ingest.failed', `expected an artifact that is linked as ${this.#route}`)
    this.#done.resolve({ kind: 'made', contents })
  }

  #ended(code: number | null, signal: string | null): void {
    if (/heap out of memory|Cannot allocate memory|out of memory/i.test(this.#diagnostics)) {
      this.#fail('ingest.memory', 'ingest ran out of memory')
      return
    }
    const said = this.#diagnostics === '' ? '' : `: ${this.#diagnostics.slice(0, keptDiagnostics)}`
    this.#fail('ingest.failed', `the ingest process ended with ${signal ?? `code ${code}`} before it answered${said}`)
  }
}

const runChild = (route: Route, job: ChildJob): Promise<Finding> => {
  if (job.signal?.aborted === true) return Promise.reject(new CordonError('session.interrupted', 'ingest was interrupted'))
  return new ChildRun(route, job).run()
}

const runLast = async (route: Route, job: ChildJob): Promise<ArtifactContents> => {
  const found = await runChild(route, job)
  if (found.kind === 'made') return found.contents
  throw new CordonError('ingest.failed', `expected an artifact by way of ${route}, got none`)
}

/**
 * Runs one component or program through a throw-away child process, and through a second one when it uses features past WASI 0.2 (with jco's transpiler) or
 * carries a world that it is to be encoded by (with the encoder of wasm-tools). Each
 * has the permission model with nothing but its own code to read, an empty environment and one bounded answer over a pipe of its own; it is ended by SIGKILL on
 * time, on resident memory, on `signal`, when it has answered and, where there is `setpriv`, when this host dies. Throws CordonError as {@link ingest} does.
 */
export const runIngestChild = async (job: ChildJob): Promise<ArtifactContents> => {
  if (job.linker === 'jco') return await runLast('glue', job)
  const started = performance.now()
  const found = await runChild('component', job)
  if (found.kind === 'made') return found.contents
  job.progress(found.why)
  return await runLast(found.route, { ...job, timeoutMs: Math.max(1, job.timeoutMs - Math.ceil(performance.now() - started)) })
}
