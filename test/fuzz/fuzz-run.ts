import { pickFrom, seededPick, type Pick } from '../differential/seeded-pick.ts'
import { corpus } from './corpus.ts'
import { FuzzCell, fuzzLimits } from './fuzz-cell.ts'
import { mutateComponent } from './mutate-component.ts'
import { coreCorpus, mutateCore } from './mutate-core.ts'
import { wireInput } from './mutate-wire.ts'

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

/** What is fed with changed inputs. */
export interface FuzzTarget {
  /** The file of this folder that tries one input after the other, in a process of its own. */
  readonly program: string
  /** What inputs are made from. */
  readonly corpus: () => Promise<readonly Uint8Array[]>
  readonly make: (inputs: readonly Uint8Array[], pick: Pick) => Uint8Array
}

/** All that takes bytes of somebody who is not trusted: the component parser and linker, the rewriter of core modules, and the host's end of a cell's wire. */
export const targets = {
  component: { program: 'fuzz-child.ts', corpus, make: (inputs, pick) => mutateComponent(pickFrom(inputs, pick), inputs, pick) },
  core: {
    program: 'core-child.ts',
    corpus: async () => coreCorpus(await corpus()),
    make: (inputs, pick) => mutateCore(pickFrom(inputs, pick), inputs, pick),
  },
  wire: { program: 'wire-child.ts', corpus: () => Promise.resolve([]), make: (_inputs, pick) => wireInput(pick) },
} as const satisfies Record<string, FuzzTarget>

/** The `nth` input of a run with `seed`. */
export const caseOf = (
  target: FuzzTarget,
  { inputs, seed, nth }: { readonly inputs: readonly Uint8Array[]; readonly seed: number; readonly nth: number },
): Uint8Array => target.make(inputs, seededPick(Math.imul(seed, 1_000_003) + nth))

/** How long a run lasts, and who hears of what it finds. */
interface FuzzOptions {
  readonly seed: number
  readonly isEnough: (cases: number) => boolean
  /** Hears of each finding at once. */
  readonly say?: (found: Found) => void
}

/** Tries inputs made from a seed in a process of their own, one after the other, until it is enough or ten of them went wrong. */
export const fuzz = async (target: FuzzTarget, { seed, isEnough, say = () => undefined }: FuzzOptions): Promise<FuzzReport> => {
  const inputs = await target.corpus()
  const verdicts: Record<string, number> = {}
  const found: Found[] = []
  let [nth, slowestCpuMs, peakRssBytes] = [0, 0, 0]
  using cell = new FuzzCell(fuzzLimits, target.program)
  for (; !isEnough(nth) && found.length < 10; nth++) {
    const component = caseOf(target, { inputs, seed, nth })
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

/** All findings of a report, for whoever reads why a test failed. */
export const told = ({ found }: FuzzReport): string =>
  found.map(({ seed, nth, finding, hex }) => `seed ${seed}, case ${nth}: ${finding}\n${hex}`).join('\n\n')
