import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LinkTrap } from '#cell/link/linker.ts'
import { valueTypes } from './arbitrary-signature.ts'
import type { Encoding } from './component-text.ts'
import { assemble, stockJco } from './contenders.ts'
import { deviantText, deviations, type Deviation } from './deviations.ts'
import { HostileImage } from './hostile-image.ts'
import { cordon, linkedByCordon, unlimited } from './own-linker.ts'
import { memoryBytes, rawComponent, rawGuest, rawHost, slotsAt, valueAt } from './raw-component.ts'
import { isSame } from './run-exchanges.ts'
import { sealedImports } from './sealed-imports.ts'
import { seededPick } from './seeded-pick.ts'
import { RawGuest, referenceTake, type Taken, type Way } from './take-raw.ts'

const encodings: readonly Encoding[] = ['utf8', 'utf16', 'latin1+utf16']
const ways: readonly Way[] = ['give', 'take']

const isAbiTrap = (taken: Taken): boolean => 'error' in taken && taken.error instanceof LinkTrap && taken.error.code === 'abi'

const memoryOf = ({ value, slots }: Deviation): Uint8Array => {
  const memory = new Uint8Array(memoryBytes)
  for (const [at, hex] of [...deviantText, [valueAt, value], [slotsAt, slots]] as const) memory.set(Buffer.from(hex, 'hex'), at)
  return memory
}

describe('what a hostile guest gives', () => {
  it.each(encodings)('is what the specification reads, or a trap where it traps (%s)', async (encoding) => {
    const trapped = new Set<string>()
    const images = fc.array(fc.integer(), { minLength: 6, maxLength: 6 })
    const check = async ([type, seeds]: readonly [Parameters<typeof rawComponent>[0], readonly number[]]): Promise<void> => {
      const guest = new RawGuest(cordon, await assemble(rawComponent(type, encoding)), type)
      for (const seed of seeds) {
        const image = new HostileImage(encoding, seededPick(seed), 12)
        image.writeValue(type)
        image.writeSlots(type)
        for (const way of ways) {
          const expected = referenceTake(type, encoding, image.memory, way)
          if (expected === undefined) continue
          const taken = await guest.take(image.memory, way)
          const agrees = 'trap' in expected ? isAbiTrap(taken) : isSame(taken, expected)
          if (!agrees) expect({ type, way, seed, taken }).toEqual({ type, way, seed, taken: expected })
          if ('trap' in expected) trapped.add(expected.trap)
        }
      }
    }
    await fc.assert(fc.asyncProperty(fc.tuple(valueTypes, images), check), { numRuns: 120 })
    // A generator that grew tame would prove nothing.
    expect([...trapped]).toEqual(expect.arrayContaining(['char', 'discriminant', 'list pointer', 'list bounds', 'string bounds']))
  })

  it.each(deviations)('$name: $decidedBy', async (deviation) => {
    const { type, encoding, by, expected, jco } = deviation
    const component = await assemble(rawComponent(type, encoding))
    const memory = memoryOf(deviation)
    const specified = referenceTake(type, encoding, memory, by)
    expect(specified).toEqual(expected ?? { trap: expect.any(String) as string })
    const ours = await new RawGuest(cordon, component, type).take(memory, by)
    if (expected === undefined) expect(ours).toMatchObject({ error: { name: 'LinkTrap', code: 'abi' } })
    else expect(ours).toEqual(expected)
    const theirs = await new RawGuest(stockJco, component, type).take(memory, by)
    expect(theirs).toEqual(jco ?? { error: expect.anything() as unknown })
  })

  it('ends the instance: what trapped once answers no more', async () => {
    const type = { kind: 'char' } as const
    const linked = await linkedByCordon(await assemble(rawComponent(type, 'utf8')))
    const instance = await linked.instantiate(sealedImports({ [rawHost]: { sink: () => undefined } }), unlimited)
    await instance.call([rawGuest, 'fill'], [new Uint8Array(memoryBytes).fill(0xff)])
    await expect(instance.call([rawGuest, 'give'], [])).rejects.toMatchObject({ code: 'abi' })
    await expect(instance.call([rawGuest, 'fill'], [new Uint8Array(memoryBytes)])).rejects.toMatchObject({ code: 'poisoned' })
    expect(instance.reset()).toBe(false)
  })
})
