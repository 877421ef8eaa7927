import { fork, type ChildProcess } from 'node:child_process'

/** One run of the tests of a proof. */
export interface ProofRun {
  /** The project, or a copy of it. */
  readonly place: string
  /** Name of the weakening that the loader makes; undefined in a copy, which is weak already. */
  readonly weakening: string | undefined
  /** Below `test/`. */
  readonly test: string
  readonly named: string
  readonly timeoutMs: number
}

/** How many tests were found, and how those ended that ran. */
export interface ProofOutcome {
  readonly found: number
  readonly failed: number
  readonly passed: number
  /** Of files that could not be loaded. */
  readonly errors: readonly string[]
}

const child = new URL('./proof-child.ts', import.meta.url).pathname
/** What a run may take before its process is given up: a host without its defence may never come back. */
const runMs = 150_000

/** A process that runs proofs, one at a time; another one takes its place when it is lost. */
class ProofRunner {
  #child: ChildProcess | undefined

  run(asked: ProofRun): Promise<ProofOutcome> {
    this.#child ??= fork(child, { execArgv: ['--conditions=source'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    const runner = this.#child
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => runner.kill('SIGKILL'), runMs)
      const lost = (): void => {
        this.#child = undefined
        settle()
        reject(new Error(`expected the tests of ${asked.test} to end, their process was lost`))
      }
      const settle = (): void => {
        clearTimeout(late)
        runner.off('exit', lost).off('message', told)
      }
      const told = (outcome: unknown): void => {
        settle()
        resolve(outcome as ProofOutcome)
      }
      runner.once('exit', lost).once('message', told)
      runner.send(asked)
    })
  }

  stop(): void {
    this.#child?.kill()
  }
}

/** So many runners; whoever comes waits for one that is free. */
export class ProofRunners implements Disposable {
  readonly #all: readonly ProofRunner[]
  readonly #free: ProofRunner[]
  readonly #waiting: ((runner: ProofRunner) => void)[] = []

  constructor(count: number) {
    this.#all = Array.from({ length: count }, () => new ProofRunner())
    this.#free = [...this.#all]
  }

  async run(asked: ProofRun): Promise<ProofOutcome> {
    const runner = this.#free.pop() ?? (await new Promise<ProofRunner>((resolve) => this.#waiting.push(resolve)))
    try {
      return await runner.run(asked)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(runner)
      else next(runner)
    }
  }

  [Symbol.dispose](): void {
    for (const runner of this.#all) runner.stop()
  }
}
