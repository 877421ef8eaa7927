import { parse, type AnyNode, type Program } from 'acorn'

/** Parses JavaScript text. Throws SyntaxError (or RangeError where it nests too deeply). */
export const parseJavaScript = (text: string, sourceType: 'module' | 'script'): Program =>
  parse(text, { ecmaVersion: 'latest', sourceType })

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value

/** The children of a node, in the order of the text. */
export const childrenOf = (node: AnyNode): AnyNode[] =>
  Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter((each) => isNode(each)) : isNode(value) ? [value] : [],
  )

/** Calls `visit` for every node of the tree, parents first. Keeps its own stack: generated text may nest deeply. */
export const visitTree = (root: AnyNode, visit: (node: AnyNode) => void): void => {
  const open: AnyNode[] = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    visit(node)
    open.push(...childrenOf(node).toReversed())
  }
}

/** The name of an identifier, `undefined` for any other node. */
export const identifierName = (node: AnyNode | null | undefined): string | undefined =>
  node?.type === 'Identifier' ? node.name : undefined

/** The value of a string literal, `undefined` for any other node. */
const stringValue = (node: AnyNode | null | undefined): string | undefined =>
  node?.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined

/** The name by which `object.name` or `object['name']` or a property key is known, `undefined` for a computed one. */
export const keyName = (key: AnyNode, computed: boolean): string | undefined =>
  stringValue(key) ?? (computed ? undefined : identifierName(key))

/** True for `object.name(…)` with that object identifier and name. */
export const isMethodCall = (node: AnyNode | null | undefined, object: string, name: string): boolean =>
  node?.type === 'CallExpression' &&
  node.callee.type === 'MemberExpression' &&
  identifierName(node.callee.object) === object &&
  keyName(node.callee.property, node.callee.computed) === name

/** The string that a statement `_debugLog('…', …)` logs, `undefined` for any other node. Generated text has one at each step. */
export const debugLogMessage = (node: AnyNode): string | undefined => {
  if (node.type !== 'ExpressionStatement' || node.expression.type !== 'CallExpression') return undefined
  if (identifierName(node.expression.callee) !== '_debugLog') return undefined
  return stringValue(node.expression.arguments[0]) ?? ''
}
