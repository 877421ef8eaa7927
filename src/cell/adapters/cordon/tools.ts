import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { maxChunkBytes } from '#wire/calls.ts'

/** The longest name the wire takes. */
const maxNameLength = 256

const toolErrors: ReadonlySet<string> = new Set(['denied', 'unknown', 'invalid-input', 'failed', 'too-large'])

const toToolError = (code: string): string => {
  if (code === 'not-permitted') return 'denied'
  return toolErrors.has(code) ? code : 'failed'
}

/** `cordon:agent/tools`. */
export const toolsInterface = (slot: SessionSlot): Members => {
  const call = async (name: string, input: string): Promise<string> => {
    const { scope } = slot
    if (name.length > maxNameLength) throw new WitError('unknown')
    // Characters first, so that nothing large is made of what is refused anyway.
    if (input.length > maxChunkBytes) throw new WitError('too-large')
    const body = new TextEncoder().encode(input)
    if (body.byteLength > maxChunkBytes) throw new WitError('too-large')
    const reply = await scope.call('tool.call', { name }, body)
    if (!reply.ok) throw new WitError(toToolError(reply.code))
    return new TextDecoder().decode(reply.body)
  }
  const list = async (): Promise<string> => {
    const reply = await slot.scope.call('tool.list', {})
    if (!reply.ok) throw new WitError(toToolError(reply.code))
    return JSON.stringify(reply.value['tools'] ?? [])
  }
  return sealInterface({ call, list })
}
