/** What came of one program. */
export interface Verdict {
  /** The program's path without `.wasm`, seen from the folder that was asked for. */
  readonly program: string
  /** `unsupported`: refused before it ran, as something that this host says it does not have. */
  readonly verdict: 'pass' | 'fail' | 'unsupported'
  /** Why it did not pass; empty when it did. */
  readonly reason: string
  readonly ms: number
}

/** An expectation was not met. */
export class Mismatch extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Mismatch'
  }
}

/** Text as a message shows it: on one line, and not all of it when it is long. */
export const shown = (text: string): string => {
  const most = 400
  return JSON.stringify(text.length <= most ? text : `${text.slice(0, most / 2)} … ${text.slice(-most / 2)}`)
}
