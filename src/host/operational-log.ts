import { pino, type Logger } from 'pino'

/** Levels of the operational log, quietest first. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * The operational log: what helps to run Cordon, on stderr as JSON lines. It may be sampled, dropped or switched off; nothing of the audit
 * log rides on it, and no secret, input or result goes into it.
 */
export const operationalLog = (level: LogLevel): Logger =>
  pino({ name: 'cordon', level, base: null }, pino.destination({ dest: 2, sync: true }))
