import type { GuestOutcome } from '#wire/messages.ts'
import { GuestEnd } from './adapters/world.ts'
import { InputInvalid } from './json-values.ts'
import { engine } from './link/engine.ts'
import { ArgumentMismatch, LinkTrap, type TrapCode } from './link/linker.ts'

/** The most of a trap's message that leaves the cell, in UTF-16 units. */
const maxMessage = 300

/** What a linker says to whoever calls what has ended already: that, and not how it noticed. */
const afterTheEnd: Partial<Record<TrapCode, string>> = {
  poisoned: 'the instance has ended before: a trap is final',
  over: 'the session is over',
}

/**
 * What an error that ended a guest says to the outside. Only messages: stacks name files of the host. What the engine and the glue say is
 * cut to one line, and anything in it that looks like a path is taken out.
 */
export const trapOf = (error: unknown): Extract<GuestOutcome, { kind: 'trap' | 'exit' }> => {
  if (error instanceof GuestEnd) return neutral(error.outcome)
  return { kind: 'trap', message: neutralText(describe(error)) }
}

/** The message of an error on the cell's own side, for the host: one line, without paths. */
export const plainMessage = (error: unknown): string => neutralText(messageOf(error))

const neutral = (outcome: GuestEnd['outcome']): Extract<GuestOutcome, { kind: 'trap' | 'exit' }> =>
  outcome.kind === 'exit' ? { kind: 'exit', code: outcome.code & 0xff } : { kind: 'trap', message: neutralText(outcome.message) }

const describe = (error: unknown): string => {
  const message = messageOf(error)
  if (error instanceof LinkTrap) return afterTheEnd[error.code] ?? message
  if (error instanceof ArgumentMismatch) return `the input does not fit the export: ${message}`
  const ours = error instanceof InputInvalid || error instanceof engine.RuntimeError
  if (ours) return message
  // Errors of the glue come from another context: their classes are not the ones known here.
  if (message.startsWith('Maximum call stack')) return 'call stack exhausted'
  if (/^WebAssembly\..*(?:allocate|out of memory)/i.test(message)) return 'the cell has no room for another instance'
  return `broke a rule of the component model: ${message}`
}

/** Reads the message without running anything: glue's errors come from another context and may be anything. */
const messageOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return 'unknown error'
  const own = Object.getOwnPropertyDescriptor(error, 'message')
  return typeof own?.value === 'string' ? own.value : 'unknown error'
}

const neutralText = (text: string): string => {
  const line = text.slice(0, 4 * maxMessage).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
  return line
    .replaceAll(/(?:file:\/\/)?(?:\/[\w.@+-]+){2,}\S*/gu, '…')
    .slice(0, maxMessage)
    .toWellFormed()
}
