import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
import { WitError } from '#cell/adapters/wit-error.ts'

/** The longest name the wire takes. */
const maxNameLength = 256

/** A value; undefined where none was granted, so that an agent falls back on what it brought along. */
const valueOf = async (scope: SessionScope, name: string): Promise<string | undefined> => {
  if (name === '' || name.length > maxNameLength) return undefined
  const reply = await scope.call('config.get', { name })
  if (reply.ok) return new TextDecoder().decode(reply.body)
  if (reply.code === 'not-permitted' || reply.code === 'unknown') return undefined
  throw new WitError({ tag: 'upstream', val: 'the setting is not available' })
}

/** `wasi:config/store`. */
export const configInterface = (slot: SessionSlot): Members => {
  const get = async (key: string): Promise<string | undefined> => valueOf(slot.scope, key)
  const getAll = async (): Promise<[string, string][]> => {
    const { scope } = slot
    const listed = await scope.call('config.list', {})
    const names: unknown = listed.ok ? listed.value['names'] : []
    const all: [string, string][] = []
    for (const name of Array.isArray(names) ? names.map(String) : []) {
      const value = await valueOf(scope, name)
      if (value !== undefined) all.push([name, value])
    }
    return all
  }
  return sealInterface({ get, getAll })
}
