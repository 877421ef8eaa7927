import { readdirSync, readFileSync } from 'node:fs'

const sampleMs = 20
const pageBytes = 4096

/** Processes below `pid`, itself included. */
const family = (pid: number): readonly number[] => {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    return [pid, ...children.flatMap(family)]
  } catch {
    return []
  }
}

const residentBytes = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return 0
  }
}

/** How much resident memory this process and its children, one left out, have grown at most since it was made. */
export class ResidentPeak implements Disposable {
  readonly #without: number
  readonly #before: number
  readonly #timer: NodeJS.Timeout
  #peak: number

  constructor(without: number) {
    this.#without = without
    this.#before = this.#now()
    this.#peak = this.#before
    this.#timer = setInterval(() => this.#sample(), sampleMs)
  }

  grownBytes(): number {
    this.#sample()
    return this.#peak - this.#before
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #sample(): void {
    this.#peak = Math.max(this.#peak, this.#now())
  }

  #now(): number {
    return family(process.pid)
      .filter((pid) => pid !== this.#without)
      .reduce((sum, pid) => sum + residentBytes(pid), 0)
  }
}
