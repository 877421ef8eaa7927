import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'

/** The longest name the wire takes, of a secret or a tool. */
const maxNameLength = 256

const toSecretError = (code: string): string => {
  if (code === 'denied' || code === 'not-permitted') return 'denied'
  return code === 'unknown' ? 'unknown' : 'unavailable'
}

/** `cordon:agent/secrets`. */
export const secretsInterface = (slot: SessionSlot): Members => {
  const use = async (name: string): Promise<string> => {
    const { scope } = slot
    if (name.length > maxNameLength) throw new WitError('unknown')
    const reply = await scope.call('secret.use', { name })
    if (!reply.ok) throw new WitError(toSecretError(reply.code))
    const placeholder: unknown = reply.value['placeholder']
    if (typeof placeholder !== 'string') throw new WitError('unavailable')
    return placeholder
  }
  return sealInterface({ use })
}
