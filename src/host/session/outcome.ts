import { CordonError } from '#core/errors.ts'
import { printable } from '#core/printable.ts'
import type { Limits } from '#core/budget/limits.ts'
import { parseGuestText } from '#host/providers/tools/bounded-json.ts'
import type { GuestOutcome, GuestUsage } from '#wire/messages.ts'

/** What a session came to: a result, or the error to throw. */
export type Settled = { readonly result: unknown } | { readonly error: CordonError }

const maxMessage = 2000
/** How deep a result may nest. */
const maxResultDepth = 256

/** The error of a quota that ran out. */
export const limitError = (limit: 'timeout' | 'fuel' | 'cpu' | 'memory', limits: Limits): CordonError => {
  switch (limit) {
    case 'timeout':
      return new CordonError('deadline.timeout', `the agent took longer than ${limits.timeoutMs} ms`, {
        hint: `raise with: --limit timeout=${limits.timeoutMs * 2}ms`,
      })
    case 'cpu':
      return new CordonError('deadline.cpu', `the agent used more than ${limits.cpuTimeMs} ms of CPU time`, {
        hint: `raise with: --limit cpuTime=${limits.cpuTimeMs * 2}ms`,
      })
    case 'fuel':
      return new CordonError('deadline.fuel', `the agent used more than ${limits.fuel} units of fuel`, {
        hint: `raise with: --limit fuel=${limits.fuel * 2}`,
      })
    case 'memory':
      return new CordonError('limit.memory', `the agent needed more than ${Math.round(limits.memoryBytes / 1024 / 1024)} MiB of memory`, {
        hint: `raise with: --limit memory=${Math.round((limits.memoryBytes * 2) / 1024 / 1024)}Mi`,
      })
  }
}

const parsed = (text: string): unknown => {
  try {
    return parseGuestText(text, maxResultDepth)
  } catch {
    return undefined
  }
}

/** The text of an agent's own error, which it chose: cut, control characters neutralised. */
const agentText = (text: string): string => {
  const value = parsed(text)
  const message = typeof value === 'string' ? value : text
  return printable(message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message)
}

/** What a cell says a session used, as far as it can be true: a breached one may say anything, and a session is held to its limits. */
export const credible = ({ fuel, cpuUs, memoryPeakBytes }: GuestUsage, limits: Limits): GuestUsage => ({
  fuel: Math.min(fuel, limits.fuel),
  cpuUs,
  memoryPeakBytes: Math.min(memoryPeakBytes, limits.memoryBytes),
})

/** What a guest's end means to the caller. `killed` is for the caller to explain: only the host knows why. */
export const settledBy = (outcome: Exclude<GuestOutcome, { kind: 'killed' }>, limits: Limits): Settled => {
  switch (outcome.kind) {
    case 'returned': {
      const result = parsed(outcome.result)
      if (result === undefined)
        return {
          error: new CordonError(
            'agent.error',
            `expected the agent to return JSON of at most ${maxResultDepth} levels, got something else`,
          ),
        }
      return { result }
    }
    case 'error':
      return { error: new CordonError('agent.error', agentText(outcome.error)) }
    case 'exit':
      if (outcome.code === 0) return { result: null }
      return {
        error: new CordonError('agent.exit', `the agent exited with code ${outcome.code}`, {
          exitCode: outcome.code <= 123 ? outcome.code : 1,
        }),
      }
    case 'trap':
      return { error: new CordonError('agent.trap', `the agent trapped: ${agentText(outcome.message)}`) }
    case 'limit':
      return { error: limitError(outcome.limit, limits) }
  }
}
