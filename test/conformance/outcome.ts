/**
 * How one assertion ended. `text`: a component that must be refused never became one, since the text parser refused it; that is no proof of ours.
 * `unsupported`: outside of what is built here, by name.
 */
export interface Outcome {
  readonly line: number
  readonly directive: string
  readonly verdict: 'pass' | 'fail' | 'unsupported' | 'text'
  /** What was expected and what came; for a pass, what a refusal or trap said. */
  readonly detail: string
}

export type Judgement = Pick<Outcome, 'verdict' | 'detail'>

export const pass = (detail = ''): Judgement => ({ verdict: 'pass', detail })
export const fail = (detail: string): Judgement => ({ verdict: 'fail', detail })
export const unsupported = (detail: string): Judgement => ({ verdict: 'unsupported', detail })

/** What an error says, in one line. */
export const saying = (error: unknown): string => {
  const { name, message, code } = error as { readonly name?: string; readonly message?: string; readonly code?: string }
  return `${name ?? 'error'}${code === undefined ? '' : ` ${code}`}: ${message ?? String(error)}`.replaceAll(/\s+/g, ' ').slice(0, 300)
}
