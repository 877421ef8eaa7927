import { expect, test } from 'vitest'
import { WitError } from '#cell/adapters/wit-error.ts'
import { LinkTrap } from '#cell/link/linker.ts'
import { assemble } from './contenders.ts'
import { cordon } from './own-linker.ts'
import { sealedImports } from './sealed-imports.ts'

/** Exports what it imports, as it is: no core code comes between. jco refuses it: "a reexport of an imported function which is not implemented". */
const mirror = `(component
  (import "test:pass/host" (instance $host (export "f" (func (param "x" u8) (result (result u8 (error string)))))))
  (alias export $host "f" (func $f))
  (instance $out (export "f" (func $f)))
  (export "test:pass/guest" (instance $out)))`

test('a host function that is exported again answers, fails and is typed as any export is, or the component is refused', async () => {
  const f = (x: unknown): unknown => {
    if (x === 1) throw new WitError('declared')
    return x
  }
  const component = await assemble(mirror)
  const refused = (error: unknown): undefined => {
    if (error instanceof LinkTrap && error.code === 'link') return undefined
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('component.')) return undefined
    throw error
  }
  const contender = await cordon(component, sealedImports({ 'test:pass/host': { f } })).catch(refused)
  if (contender === undefined) return
  const path = ['test:pass/guest', 'f'] as const
  expect(await contender.call(path, [7])).toEqual({ kind: 'returned', value: 7 })
  expect(await contender.call(path, [1])).toEqual({ kind: 'declared', payload: 'declared' })
  expect(await contender.call(path, ['not a number'])).toMatchObject({ kind: 'trapped' })
})
