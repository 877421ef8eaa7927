import { pickFrom, seededPick } from '../differential/seeded-pick.ts'
import { corpus } from './corpus.ts'
import { FuzzCell } from './fuzz-cell.ts'
import { mutateComponent } from './mutate-component.ts'

/** Something that went wrong, with all that it takes to see it again. */
export interface Found {
  readonly seed: number
  readonly nth: number
  readonly finding: string
  /** The input, in hex. */
  readonly hex: string
}

/** What came of a run. */
export interface FuzzReport {
  readonly cases: number
  readonly verdicts: Readonly<Record<string, number>>
  readonly found: readonly Found[]
  readonly slowestCpuMs: number
  readonly peakRssBytes: number
}

/** The `nth` input of a run with `seed`. */
export const caseOf = (inputs: readonly Uint8Array[], seed: number, nth: number): Uint8Array => {
  const pick = seededPick(Math.imul(seed, 1_000_003) + nth)
  return mutateComponent(pickFrom(inputs, pick), inputs, pick)
}

/**
 * Tries inputs made from `seed` in a process of their own, one after the other, until `isEnough` says so or ten of them went wrong. `say` hears of each
 * that did, at once.
 */
export const fuzz = async (
  seed: number,
  isEnough: (cases: number) => boolean,
  say: (found: Found) => void = () => undefined,
): Promise<FuzzReport> => {
  const inputs = await corpus()
  const verdicts: Record<string, number> = {}
  const found: Found[] = []
  let [nth, slowestCpuMs, peakRssBytes] = [0, 0, 0]
  using cell = new FuzzCell()
  for (; !isEnough(nth) && found.length < 10; nth++) {
    const component = caseOf(inputs, seed, nth)
    const result = await cell.try({ component, seed: nth })
    verdicts[result.verdict] = (verdicts[result.verdict] ?? 0) + 1
    slowestCpuMs = Math.max(slowestCpuMs, result.cpuMs)
    peakRssBytes = Math.max(peakRssBytes, result.peakRssBytes)
    if (result.finding === undefined) continue
    const each = { seed, nth, finding: result.finding, hex: Buffer.from(component).toString('hex') }
    found.push(each)
    say(each)
  }
  return { cases: nth, verdicts, found, slowestCpuMs, peakRssBytes }
}
