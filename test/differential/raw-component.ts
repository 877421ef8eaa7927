import type { ValueType } from '#core/component/component-plan.ts'
import { coreSignature, type Encoding } from './component-text.ts'
import { flatOf } from './flat-layout.ts'
import { functionText, TypeNames } from './type-text.ts'

/** Bytes of the guest's one memory. */
export const memoryBytes = 65_536
/** Where a value lies in it, and where its core values lie, 8 bytes each. */
export const valueAt = 1024
export const slotsAt = 512

export const rawHost = 'test:raw/host'
export const rawGuest = 'test:raw/guest'

const loaded = (flat: string, nth: number): string => `(${flat}.load (i32.const ${slotsAt + 8 * nth}))`

/**
 * A guest that hands on whatever its memory holds: `fill(list<u8>)` replaces all of its memory, `give() -> type` returns the value that lies there
 * (its core value, when it is one) and `take()` gives it to the imported `sink(type)`.
 */
export const rawComponent = (type: ValueType, encoding: Encoding): string => {
  const names = new TypeNames()
  const text = names.of(type)
  const given = functionText({ params: [], result: type }, names)
  const give = coreSignature({ params: [], result: type })
  const sink = coreSignature({ params: [{ name: 'x', type }], result: undefined })
  const spilled = flatOf(type).length > 16
  const options = `string-encoding=${encoding} (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))`
  return `(component
  (import "${rawHost}" (instance $host ${names.declarations.join('\n    ')} (export "sink" (func (param "x" ${text})))))
  ${names.names.map((name) => `(alias export $host "${name}" (type $${name}))`).join(' ')}
  (core module $libc
    (memory (export "memory") 1 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $libc (instantiate $libc))
  (core func $sink (canon lower (func $host "sink") ${options}))
  (core module $m
    (import "libc" "memory" (memory 1 1))
    (import "host" "sink" (func $sink (param ${sink.params.join(' ')})))
    (func (export "fill") (param i32 i32))
    (func (export "give") (result ${give.result}) ${give.spills ? `(i32.const ${valueAt})` : loaded(give.result ?? 'i32', 0)})
    (func (export "take") (call $sink ${spilled ? `(i32.const ${valueAt})` : sink.params.map(loaded).join(' ')})))
  (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "host" (instance (export "sink" (func $sink))))))
  (func $fill (param "bytes" (list u8)) (canon lift (core func $m "fill") ${options}))
  (func $give ${given} (canon lift (core func $m "give") ${options}))
  (func $take (canon lift (core func $m "take")))
  (instance $out (export "fill" (func $fill)) (export "give" (func $give)) (export "take" (func $take)))
  (export "${rawGuest}" (instance $out)))`
}
