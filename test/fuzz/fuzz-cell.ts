import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Case, CaseResult } from './answer-cases.ts'

/** What no input may go past. */
export interface FuzzLimits {
  /** Time on the CPU for one input: reading a component that uses all of its limits takes about a second. */
  readonly cpuMs: number
  /** Wall time after which it hangs. */
  readonly wallMs: number
  /** Resident memory of the process, which starts with some 100 MiB. */
  readonly rssBytes: number
}

const MiB = 1024 * 1024

export const fuzzLimits: FuzzLimits = { cpuMs: 5000, wallMs: 30_000, rssBytes: 700 * MiB }

const residentBytes = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
  } catch {
    return 0
  }
}

/** A process that inputs are tried in, made anew when one ended it. */
export class FuzzCell implements Disposable {
  readonly #limits: FuzzLimits
  readonly #program: string
  #child: ChildProcess | undefined

  /** `program` is a file of this folder that answers cases. */
  constructor(limits: FuzzLimits = fuzzLimits, program = 'fuzz-child.ts') {
    this.#limits = limits
    this.#program = program
  }

  /** How one input went: hanging, dying and taking too much are findings too. */
  async try(given: Case): Promise<CaseResult> {
    const child = (this.#child ??= fork(new URL(this.#program, import.meta.url), {
      execArgv: ['--conditions=source', '--disallow-code-generation-from-strings', '--max-old-space-size=400'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }))
    const result = await this.#answer(child, given)
    const isOver = result.verdict === 'panicked' || result.finding !== undefined
    if (isOver || result.peakRssBytes > this.#limits.rssBytes / 2) this.#renew()
    return result
  }

  [Symbol.dispose](): void {
    this.#renew()
  }

  #renew(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  #answer(child: ChildProcess, given: Case): Promise<CaseResult> {
    const { promise, resolve } = Promise.withResolvers<CaseResult>()
    const started = performance.now()
    const fail = (finding: string, peakRssBytes = 0): void =>
      resolve({ verdict: 'failed', finding, cpuMs: performance.now() - started, peakRssBytes })
    const watch = setInterval(() => {
      const rss = residentBytes(child.pid ?? 0)
      if (rss > this.#limits.rssBytes) fail(`the process holds ${rss} bytes`, rss)
      if (performance.now() - started > this.#limits.wallMs) fail(`no answer after ${this.#limits.wallMs} ms`)
    }, 20)
    const exited = (code: number | null, signal: string | null): void => fail(`the process ended with ${code ?? signal}`)
    const answered = (result: CaseResult): void => resolve(this.#judged(result))
    child.once('exit', exited)
    child.once('message', answered)
    child.send(given)
    return promise.finally(() => {
      clearInterval(watch)
      child.off('exit', exited)
      child.off('message', answered)
    })
  }

  #judged(result: CaseResult): CaseResult {
    if (result.finding !== undefined) return result
    if (result.cpuMs > this.#limits.cpuMs) return { ...result, finding: `it took ${result.cpuMs} ms of CPU time` }
    if (result.peakRssBytes > this.#limits.rssBytes) return { ...result, finding: `the process held ${result.peakRssBytes} bytes` }
    return result
  }
}
