import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { CordonError } from '#core/errors.ts'
import { startThrowAwayChild } from '#host/launch/throw-away-child.ts'
import type { GuestEngine } from './build-agent.ts'
import { ownModule, packageFile, toolRoots, type BuildTool } from './build-tools.ts'
import { sourceError, type BundledSource } from './bundle-source.ts'
import { explainBuild } from './explain-build.ts'
import { writeWitFolder, type WitPackages } from './wit-folder.ts'

/** What one build needs. */
export interface BuildJob {
  readonly engine: GuestEngine
  readonly source: BundledSource
  readonly packages: WitPackages
  readonly tools: ReadonlyMap<string, BuildTool>
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the build is ended; five minutes when left out. */
  readonly timeoutMs?: number | undefined
}

/** The top level of hostile source runs while building: it may spin or fill its memory, so time, CPU and data are bounded. */
const buildTimeoutMs = 300_000
/**
 * It runs in processes below this shell, which would outlive a host that is killed. So one more reads the shell's standard input,
 * a pipe that this host leaves open for as long as it lives, and ends the whole group once that is closed.
 */
const script = `
ulimit -t 600 && ulimit -d 6291456 && ulimit -c 0 || exit
exec 3<&0 </dev/null
{ read -r _; kill -KILL 0; } <&3 3<&- 2>/dev/null &
"$0" "$@" 3<&-
code=$?
{ kill -KILL $!; wait $!; } 2>/dev/null
exit $code`
/** Past it a shell's exit code says by which signal a program was ended. */
const maxExitCode = 128
const maxErrorBytes = 64 * 1024
/** The interface that a component of each kind exports. */
const exportedBy = { run: 'cordon:agent/run', handler: 'wasi:http/incoming-handler', fetch: 'wasi:http/incoming-handler' } as const

/** Node's flags for the build process: read the tools, write the scratch folder; no network. */
const permissions = async (job: BuildJob, scratch: string): Promise<readonly string[]> => {
  const child = ownModule('host/build/componentize')
  const roots = await Promise.all([...job.tools.values()].map(toolRoots))
  const readable = new Set([scratch, child, packageFile('package.json'), ...roots.flat()])
  return [
    '--permission',
    ...[...readable].map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${scratch}`,
    // Both engines come as native code that runs the untrusted top level inside WebAssembly, outside of Node's view.
    ...(job.engine === 'quickjs' ? ['--allow-addons'] : ['--allow-addons', '--allow-child-process', '--allow-worker']),
    '--no-warnings',
    child,
    job.engine,
    job.source.kind,
  ]
}

/** Ends a process group and waits for it to be gone, for a second at most: where nobody reaps orphans, they never are. */
const endGroup = async (group: number): Promise<void> => {
  try {
    for (let waits = 0; waits < 100; waits++) {
      process.kill(-group, 'SIGKILL')
      await sleep(10)
    }
  } catch {
    // It is gone.
  }
}

/** Starts the build process in its own process group and waits for its end. */
const runProcess = async (job: BuildJob, scratch: string): Promise<{ readonly code: number | null; readonly errors: string }> => {
  const flags = await permissions(job, scratch)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  const child = startThrowAwayChild({
    command: ['/bin/sh', '-c', script, process.execPath, ...flags],
    cwd: scratch,
    env: { TMPDIR: scratch },
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
    // The tools may lie in folders that the host can read by its powers alone.
    capabilities: 'keep',
  })
  const end = async (): Promise<void> => (child.pid === undefined ? undefined : await endGroup(child.pid))
  const interrupt = (): void => void end()
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(0, maxErrorBytes)
  })
  child.on('error', reject).on('close', resolve)
  const timer = setTimeout(interrupt, job.timeoutMs ?? buildTimeoutMs)
  job.signal?.addEventListener('abort', interrupt)
  try {
    return { code: await promise, errors }
  } finally {
    clearTimeout(timer)
    job.signal?.removeEventListener('abort', interrupt)
    await end()
  }
}

/**
 * Compiles a bundle into a component, in a process that can read the tools and write a scratch folder.
 *
 * @throws CordonError `bundle.build-failed`
 */
export const runBuild = async (job: BuildJob): Promise<Uint8Array> => {
  job.signal?.throwIfAborted()
  const scratch = await realpath(await mkdtemp(join(tmpdir(), 'cordon-build-')))
  try {
    await mkdir(join(scratch, 'source'))
    await writeFile(join(scratch, 'source', 'agent.js'), job.source.text)
    const { imports, kind } = job.source
    const world = { imports, exported: exportedBy[kind], isOfEngine: kind === 'fetch' }
    await writeWitFolder(join(scratch, 'wit'), job.packages, world)
    const { code, errors } = await runProcess(job, scratch)
    job.signal?.throwIfAborted()
    if (code === null || code > maxExitCode) throw sourceError(['the build was ended: it took too long or too much memory'])
    if (code !== 0) throw sourceError([explainBuild(errors.replaceAll(`${scratch}/`, ''), job.source)])
    return new Uint8Array(await readFile(join(scratch, 'component.wasm')))
  } catch (error) {
    if (job.signal?.aborted === true) throw new CordonError('session.interrupted', 'the build was interrupted', { cause: error })
    throw error
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
