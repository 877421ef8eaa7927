import type { Logger } from 'pino'
import type { GuestLogLine, GuestLogSink } from '#host/providers/logging/logging-provider.ts'

/** The operational log's names for levels of `wasi:logging`. */
const levels = { trace: 'trace', debug: 'debug', info: 'info', warn: 'warn', error: 'error', critical: 'fatal' } as const

/** What a line takes of the session's output beside its text, so that empty ones do not come free. */
const lineOverheadBytes = 64

/** What a line takes of the session's output. */
export const sizeOfLine = ({ context, message }: GuestLogLine): number => lineOverheadBytes + context.length + message.length

/** Writes to the operational log what the session's own sink takes: under the names of agent and session, marked as a guest's words. */
export const alsoInOperationalLog = (sink: GuestLogSink, log: Logger): GuestLogSink => ({
  write: (line) => {
    const taken = sink.write(line)
    if (taken) log[levels[line.level]]({ context: line.context }, line.message)
    return taken
  },
  dropped: (lines) => {
    sink.dropped(lines)
    log.warn({ lines }, 'log lines of the agent were dropped')
  },
})
