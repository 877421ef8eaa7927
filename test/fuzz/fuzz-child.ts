/** Tries one component after the other, as its parent sends them. Its parent ends it when one takes too long or too much. */
import { tryComponent } from './try-component.ts'

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

const judge = async ({ component, seed }: Case): Promise<CaseResult> => {
  const before = process.cpuUsage()
  let verdict = 'failed'
  let finding: string | undefined
  try {
    verdict = await tryComponent(Uint8Array.from(component), seed)
  } catch (error) {
    finding = error instanceof Error ? error.message : String(error)
  }
  const { user, system } = process.cpuUsage(before)
  return { verdict, finding, cpuMs: (user + system) / 1000, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

process.on('message', (given: Case) => void judge(given).then((result) => process.send?.(result)))
