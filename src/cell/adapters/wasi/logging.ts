import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import type { CallArgs } from '#wire/calls.ts'

/** One more than the host shows, so that it can tell that there was more. */
const maxContextLength = 257
const maxMessageLength = 8193

/** `text` cut to `length` UTF-16 units, never inside of a character. */
const cut = (text: string, length: number): string => (text.length > length ? text.slice(0, length).toWellFormed() : text)

/** `wasi:logging/logging`. The guest waits until the host has taken the line. */
export const loggingInterface = (slot: SessionSlot): Members => {
  const log = async (level: CallArgs<'log.write'>['level'], context: string, message: string): Promise<void> => {
    const { scope } = slot
    const body = new TextEncoder().encode(cut(message, maxMessageLength))
    await scope.call('log.write', { level, context: cut(context, maxContextLength) }, body)
  }
  return sealInterface({ log })
}
