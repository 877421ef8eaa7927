import type { FieldPath } from './grants.ts'

/** How deep and how large a document may be. */
const maxDepth = 16
const maxNodes = 100_000

/** Why a value is not plain data, and where. */
export interface NotPlain {
  readonly path: FieldPath
  readonly expected: string
  readonly got: string
  readonly hint: string
}

interface Walk {
  nodes: number
  wrong: NotPlain | undefined
}

const isPlainObject = (value: object): value is Record<string, unknown> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

const stop = (walk: Walk, wrong: NotPlain): undefined => {
  walk.wrong ??= wrong
  return undefined
}

const copyList = (list: readonly unknown[], path: FieldPath, walk: Walk): unknown[] => {
  const copied: unknown[] = []
  for (let index = 0; index < list.length && walk.wrong === undefined; index++) copied.push(copy(list[index], [...path, index], walk))
  return copied
}

/** Own enumerable data only: a getter could answer differently the second time it is asked. */
const copyObject = (value: object, path: FieldPath, walk: Walk): unknown => {
  const copied: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    const at = [...path, key]
    if (key === '__proto__') return stop(walk, { path: at, expected: 'a field of another name', got: '`__proto__`', hint: 'remove it' })
    if (!('value' in descriptor))
      return stop(walk, { path: at, expected: 'plain data', got: 'a getter', hint: 'give a value instead of a getter' })
    if (descriptor.value !== undefined) copied[key] = copy(descriptor.value, at, walk)
    if (walk.wrong !== undefined) return undefined
  }
  return copied
}

const copy = (value: unknown, path: FieldPath, walk: Walk): unknown => {
  walk.nodes++
  if (walk.nodes > maxNodes)
    return stop(walk, { path, expected: `at most ${maxNodes} values in all`, got: 'more', hint: 'split the document' })
  if (path.length > maxDepth) return stop(walk, { path, expected: `at most ${maxDepth} levels`, got: 'more', hint: 'nest less' })
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return copyList(value, path, walk)
  if (typeof value === 'object' && isPlainObject(value)) return copyObject(value, path, walk)
  return stop(walk, {
    path,
    expected: 'text, a number, true or false, a list or an object',
    got: typeof value === 'object' ? 'an object of another kind' : `a ${typeof value}`,
    hint: 'give plain data',
  })
}

/**
 * Copies a value that is plain data into null-prototype objects, so that nobody can change it after it was checked and no
 * inherited property is ever taken for a field. Gives what is wrong otherwise (`__proto__` keys, getters, class instances,
 * cycles by way of the depth limit, more than 100,000 values).
 */
export const copyPlain = (value: unknown): { readonly value: unknown } | { readonly wrong: NotPlain } => {
  const walk: Walk = { nodes: 0, wrong: undefined }
  const copied = copy(value, [], walk)
  return walk.wrong === undefined ? { value: copied } : { wrong: walk.wrong }
}
