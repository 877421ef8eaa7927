/** One thing to measure: called once to warm up, then once a round. */
export interface Contender {
  readonly name: string
  /** Does the work `times` times and gives the microseconds that one took. */
  readonly once: (times: number) => Promise<number>
  /** Repetitions a round. */
  readonly times: number
}

export interface Measured {
  readonly name: string
  /** Microseconds. */
  readonly median: number
  readonly p25: number
  readonly p75: number
  /** Against the first contender of the same run. */
  readonly ratio: number
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN

/** Microseconds that `work` took, each of `times`. */
export const timed = async (times: number, work: () => unknown): Promise<number> => {
  const start = process.hrtime.bigint()
  for (let index = 0; index < times; index += 1) await work()
  return Number(process.hrtime.bigint() - start) / 1000 / times
}

/** Collects garbage where Node runs with `--expose-gc`, so that no contender pays for what another left behind. */
const collectGarbage = (globalThis as { readonly gc?: () => void }).gc ?? ((): void => undefined)

/**
 * Measures contenders side by side: every round runs each of them once, so that what else the machine does hits all alike. The first is
 * the baseline of the ratios.
 */
export const sideBySide = async (
  contenders: readonly Contender[],
  rounds: number,
  tell: (line: string) => void,
): Promise<readonly Measured[]> => {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (const { once, times } of contenders) await once(Math.max(1, Math.ceil(times / 4)))
  for (let round = 0; round < rounds; round += 1) {
    tell(`round ${round + 1} of ${rounds}`)
    for (const { name, once, times } of contenders) {
      collectGarbage()
      samples.get(name)?.push(await once(times))
    }
  }
  const measured = contenders.map(({ name }) => {
    const sorted = (samples.get(name) ?? []).toSorted((a, b) => a - b)
    return { name, median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75) }
  })
  const baseline = measured[0]?.median ?? Number.NaN
  return measured.map((each) => ({ ...each, ratio: each.median / baseline }))
}
