import { log } from 'wasi:logging/logging@0.1.0-draft'
import { inTurn } from '../check.ts'

const lines = (): void => {
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const) log(level, 'context', `a line at ${level}`)
  log('info', '', '')
  log('info', 'context', 'two\nlines \u001b[31mand a colour')
}

export const run = (): string => inTurn({ lines })
