import type { StreamCause } from './io-error.ts'

/** Why a pipe gives or takes no more: a cause, or nothing when it is just closed. */
export class PipeFailure extends Error {
  readonly reason: StreamCause | undefined

  constructor(reason?: StreamCause) {
    super(reason === undefined ? 'closed' : 'last operation failed')
    this.name = 'PipeFailure'
    this.reason = reason
  }
}
