/** One input, and the number that decides what else a trial needs. */
export interface Case {
  readonly component: Uint8Array
  readonly seed: number
}

export interface CaseResult {
  readonly verdict: string
  /** What should not be. */
  readonly finding: string | undefined
  readonly cpuMs: number
  /** The most that this process has had resident so far. */
  readonly peakRssBytes: number
}

const judge = async (attempt: (input: Uint8Array, seed: number) => Promise<string>, { component, seed }: Case): Promise<CaseResult> => {
  const before = process.cpuUsage()
  let verdict = 'failed'
  let finding: string | undefined
  try {
    verdict = await attempt(Uint8Array.from(component), seed)
  } catch (error) {
    finding = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  const { user, system } = process.cpuUsage(before)
  return { verdict, finding, cpuMs: (user + system) / 1000, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

/** Answers the cases that the parent sends. The parent ends this process when one takes too long or too much. */
export const answerCases = (attempt: (input: Uint8Array, seed: number) => Promise<string>): void => {
  process.on('message', (given: Case) => void judge(attempt, given).then((result) => process.send?.(result)))
}
