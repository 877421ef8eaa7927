import type { FunctionType } from '#core/component/component-plan.ts'
import { alignOf, flatOf, sizeOf, type Flat } from './flat-layout.ts'
import { functionText, TypeNames } from './type-text.ts'

export type Encoding = 'utf8' | 'utf16' | 'latin1+utf16'

/** The interface that a generated component imports, and the one with the same functions that it exports. */
export const hostInterface = 'test:pass/host'
export const guestInterface = 'test:pass/guest'

const libc = `(core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 16))
    (func (export "reset") (global.set $next (i32.const 16)))
    (func (export "realloc") (param $old i32) (param $held i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (if (i32.le_u (local.get $size) (local.get $held)) (then (return (local.get $old))))
      (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
        (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16))))))
        (unreachable))
      (memory.copy (local.get $at) (local.get $old) (local.get $held))
      (local.get $at)))
  (core instance $libc (instantiate $libc))`

/** Core types of a function as they are lowered and lifted: at most 16 parameters and one result (`flatten_functype`). */
export interface CoreSignature {
  readonly params: readonly Flat[]
  /** Of the lifted core function. The lowered one takes a pointer instead when {@link CoreSignature.spills}. */
  readonly result: Flat | undefined
  readonly spills: boolean
}

export const coreSignature = ({ params, result }: FunctionType): CoreSignature => {
  const flat = params.flatMap(({ type }) => flatOf(type))
  const results = result === undefined ? [] : flatOf(result)
  const spills = results.length > 1
  return { params: flat.length > 16 ? ['i32'] : flat, result: spills ? 'i32' : results[0], spills }
}

const paramsOf = (flat: readonly Flat[]): string => (flat.length === 0 ? '' : `(param ${flat.join(' ')})`)
const resultOf = (flat: Flat | undefined): string => (flat === undefined ? '' : `(result ${flat})`)

/** A core function that hands on what it is given to the import of the same type, and back. */
const forwarder = (type: FunctionType, nth: number): { readonly imported: string; readonly defined: string } => {
  const { params, result, spills } = coreSignature(type)
  const passed = params.map((_, index) => `(local.get ${index})`).join(' ')
  const area =
    type.result === undefined
      ? ''
      : `(call $realloc (i32.const 0) (i32.const 0) (i32.const ${alignOf(type.result)}) (i32.const ${sizeOf(type.result)}))`
  const body = spills
    ? `(local.set $area ${area}) (call $h${nth} ${passed} (local.get $area)) (local.get $area)`
    : `(call $h${nth} ${passed})`
  return {
    imported: `(import "host" "f${nth}" (func $h${nth} ${paramsOf(spills ? [...params, 'i32'] : params)} ${spills ? '' : resultOf(result)}))`,
    defined: `(func (export "f${nth}") ${paramsOf(params)} ${resultOf(result)} ${spills ? '(local $area i32)' : ''} ${body})
      (func (export "post${nth}") ${paramsOf(result === undefined ? [] : [result])} (call $reset))`,
  }
}

/** The inside of a component that imports the interface and exports it again. */
const passingStage = (functions: readonly FunctionType[], encoding: Encoding): string => {
  const names = new TypeNames()
  const texts = functions.map((each) => functionText(each, names))
  const forwarders = functions.map(forwarder)
  const options = `string-encoding=${encoding} (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))`
  return `(import "${hostInterface}" (instance $host
    ${names.declarations.join('\n    ')}
    ${texts.map((text, nth) => `(export "f${nth}" (func ${text}))`).join('\n    ')}))
  ${names.names.map((name) => `(alias export $host "${name}" (type $${name}))`).join(' ')}
  ${libc}
  ${texts.map((_, nth) => `(core func $l${nth} (canon lower (func $host "f${nth}") ${options}))`).join('\n  ')}
  (core module $m
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "libc" "reset" (func $reset))
    ${forwarders.map((each) => each.imported).join('\n    ')}
    ${forwarders.map((each) => each.defined).join('\n    ')})
  (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "host" (instance
    ${texts.map((_, nth) => `(export "f${nth}" (func $l${nth}))`).join(' ')}))))
  ${texts.map((text, nth) => `(func $g${nth} ${text} (canon lift (core func $m "f${nth}") ${options} (post-return (core func $m "post${nth}"))))`).join('\n  ')}
  (instance $out ${texts.map((_, nth) => `(export "f${nth}" (func $g${nth}))`).join(' ')})
  (export "${guestInterface}" (instance $out))`
}

/** Imports the interface and exports what the last of the stages gives for it. */
const composition = (functions: readonly FunctionType[], encodings: readonly Encoding[]): string => {
  const names = new TypeNames()
  const texts = functions.map((each) => functionText(each, names))
  const types = names.names.map((name) => `(export "${name}" (type $${name}))`).join(' ')
  const given = (stage: number): string =>
    stage < 0
      ? '(instance $host)'
      : `(instance ${types} ${texts.map((_, nth) => `(export "f${nth}" (func $s${stage} "f${nth}"))`).join(' ')})`
  return `(import "${hostInterface}" (instance $host
    ${names.declarations.join('\n    ')}
    ${texts.map((text, nth) => `(export "f${nth}" (func ${text}))`).join('\n    ')}))
  ${names.names.map((name) => `(alias export $host "${name}" (type $${name}))`).join(' ')}
  ${encodings
    .map(
      (encoding, nth) => `(component $c${nth} ${passingStage(functions, encoding)})
  (instance $i${nth} (instantiate $c${nth} (with "${hostInterface}" ${given(nth - 1)})))
  (alias export $i${nth} "${guestInterface}" (instance $s${nth}))`,
    )
    .join('\n  ')}
  (export "${guestInterface}" (instance $s${encodings.length - 1}))`
}

/**
 * A component that exports functions `f0`, `f1` … of the given types, each of which calls the imported one of its name with the core values it
 * was given and returns what that returned. With more than one encoding it is a composition: the last component is called, and calls
 * the one before it, down to the first, which calls the host.
 */
export const passingComponent = (functions: readonly FunctionType[], encodings: readonly Encoding[]): string => {
  const [only = 'utf8'] = encodings
  return `(component ${encodings.length < 2 ? passingStage(functions, only) : composition(functions, encodings)})`
}
