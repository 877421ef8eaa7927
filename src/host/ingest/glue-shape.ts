import type { AnyNode, ArrowFunctionExpression, BlockStatement } from 'acorn'
import { glueGlobals } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { declaredBy, declaredIn, variableNames } from './glue-names.ts'
import { identifierName, keyName, parseJavaScript, visitTree } from './syntax-tree.ts'

/** What glue may use of the language itself: nothing that makes code from text or hands out the global object. */
const languageGlobals =
  'Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Error Float32Array Float64Array Infinity Int16Array Int32Array ' +
  'Int8Array JSON Map Math NaN Number Object Promise RangeError Set String Symbol TypeError Uint16Array Uint32Array Uint8Array WeakMap ' +
  'WeakSet isNaN undefined'

const allowedGlobals: ReadonlySet<string> = new Set([...glueGlobals, ...languageGlobals.split(' ')])

/** Names that an export must not take over: what glue relies on, and what leads to code from text or to the caller. */
const ownedNames: ReadonlySet<string> = new Set([
  ...allowedGlobals,
  ...'guard eval Function globalThis arguments require process'.split(' '),
])

/** What a CommonJS module has beyond the globals. */
const moduleNames: ReadonlySet<string> = new Set(['require', 'module', 'exports', '__filename', '__dirname'])

const forbiddenMembers: ReadonlySet<string> = new Set([
  'constructor',
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  'caller',
  'callee',
])

const forbiddenNodes: ReadonlySet<AnyNode['type']> = new Set([
  'ImportExpression',
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportDefaultDeclaration',
  'ExportAllDeclaration',
  'MetaProperty',
  'WithStatement',
  'DebuggerStatement',
] as const)

const refuse = (what: string): CordonError => new CordonError('component.unsupported', `the component leads to generated code ${what}`)

/** The one arrow function `(guard) => { … }` that glue must be. */
const soleArrow = (glue: string): ArrowFunctionExpression & { body: BlockStatement } => {
  const [statement, ...rest] = parseJavaScript(`(${glue})`, 'script').body
  const arrow = statement?.type === 'ExpressionStatement' ? statement.expression : undefined
  const isSole = rest.length === 0 && arrow?.type === 'ArrowFunctionExpression' && !arrow.async
  if (!isSole || arrow.body.type !== 'BlockStatement' || arrow.params.length !== 1 || identifierName(arrow.params[0]) !== 'guard') {
    throw refuse('that is not one function')
  }
  return { ...arrow, body: arrow.body }
}

const checkNode = (node: AnyNode): void => {
  if (forbiddenNodes.has(node.type)) throw refuse(`with a ${node.type}`)
  if (node.type === 'MemberExpression') {
    const name = keyName(node.property, node.computed)
    if (name !== undefined && forbiddenMembers.has(name)) throw refuse(`that reaches for \`${name}\``)
  }
  if (node.type === 'Property' && node.kind === 'init' && !node.computed && !node.shorthand && keyName(node.key, false) === '__proto__') {
    throw refuse('that sets a prototype')
  }
  const taken = declaredBy(node).find((name) => ownedNames.has(name))
  if (taken !== undefined) throw refuse(`in which \`${taken}\` has another meaning; rename that export`)
}

const statementsOf = (node: AnyNode | null | undefined): readonly AnyNode[] => (node?.type === 'BlockStatement' ? node.body : [])

/**
 * Whether a variable that glue does not declare would be something it must not have. (One that exists nowhere is a slip of the
 * generator, throws when it is met, and is harmless. `arguments` is each strict function's own list.)
 */
const reachesOut = (name: string): boolean =>
  name !== 'arguments' && !allowedGlobals.has(name) && (name in globalThis || moduleNames.has(name))

/** A guest's export declared below `instantiate` must not shadow the machinery declared in it. */
const checkShadowing = (body: BlockStatement): void => {
  visitTree(body, (node) => {
    if (node.type !== 'FunctionDeclaration' || identifierName(node.id) !== 'instantiate') return
    const machinery = new Set([...declaredBy(node), ...declaredIn(statementsOf(node.body))])
    visitTree(node.body, (inner) => {
      if (inner.type !== 'FunctionExpression' || identifierName(inner.id) !== '_initGenerator') return
      const shadowed = declaredIn(statementsOf(inner.body)).find((name) => machinery.has(name))
      if (shadowed !== undefined) throw refuse(`in which \`${shadowed}\` has another meaning; rename that export`)
    })
  })
}

/**
 * Refuses glue that is more than it should be, whatever way a hostile name took into it: one function, no import, export,
 * `eval`, `Function` or `globalThis`, no way to a constructor or prototype, no global of Node or of the language but those it needs.
 * Throws CordonError `component.unsupported`, or SyntaxError for text that is not JavaScript.
 */
export const checkGlueShape = (glue: string): void => {
  const { body } = soleArrow(glue)
  const declared = new Set(['guard'])
  visitTree(body, (node) => {
    checkNode(node)
    for (const name of declaredBy(node)) declared.add(name)
  })
  checkShadowing(body)
  const free = [...variableNames(body)].find((name) => !declared.has(name) && reachesOut(name))
  if (free !== undefined) throw refuse(`that uses \`${free}\``)
}
