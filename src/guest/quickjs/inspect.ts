const maxDepth = 4
const maxItems = 100

const list = (open: string, parts: readonly string[], close: string): string => {
  if (parts.length === 0) return open + close
  const shown = parts.slice(0, maxItems)
  if (parts.length > shown.length) shown.push(`… ${parts.length - shown.length} more`)
  return `${open} ${shown.join(', ')} ${close}`
}

const inspectObject = (value: object, seen: readonly object[]): string => {
  if (seen.includes(value)) return '[circular]'
  if (seen.length >= maxDepth) return Array.isArray(value) ? '[array]' : '[object]'
  const inner = (item: unknown): string => inspect(item, [...seen, value])
  if (value instanceof Error) return value.stack === undefined ? String(value) : `${String(value)}\n${value.stack.trimEnd()}`
  if (Array.isArray(value)) return list('[', value.map(inner), ']')
  if (value instanceof Map)
    return list(
      'Map {',
      Array.from(value, ([key, item]) => `${inner(key)} => ${inner(item)}`),
      '}',
    )
  if (value instanceof Set) return list('Set {', Array.from(value, inner), '}')
  if (value instanceof Date || value instanceof RegExp) return String(value)
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength} bytes)`
  const parts = Object.entries(value).map(([key, item]) => `${/^[\w$]+$/.test(key) ? key : JSON.stringify(key)}: ${inner(item)}`)
  return list('{', parts, '}')
}

/** Text of any value for a person to read; `seen` holds the objects around it. */
export const inspect = (value: unknown, seen: readonly object[] = []): string => {
  if (typeof value === 'string') return seen.length > 0 ? JSON.stringify(value) : value
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `[function ${value.name || 'anonymous'}]`
  return typeof value === 'object' && value !== null ? inspectObject(value, seen) : String(value)
}
