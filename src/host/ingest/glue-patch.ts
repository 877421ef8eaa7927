import type { AnyNode, NewExpression, Program } from 'acorn'
import type { CoreModule } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { debugLogMessage, identifierName, isMethodCall, keyName, visitTree } from './syntax-tree.ts'

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** One change of the generated text: where it applies, and how often it must. */
interface Patch {
  readonly name: string
  /** The edit for this node, `undefined` where there is nothing to change. */
  readonly edit: (node: AnyNode, source: string, extracted: ExtractedModules) => Edit | undefined
  /** Counts what the patch has to find: one for each node it is true for. */
  readonly due: number | ((node: AnyNode) => boolean)
}

/** Core modules that the generated code carries as numbers; they become files like all others, to be rewritten and metered. */
class ExtractedModules {
  readonly modules: CoreModule[] = []
  readonly #firstNumber: number

  constructor(firstNumber: number) {
    this.#firstNumber = firstNumber
  }

  /** Keeps a module and gives the expression that asks for it. */
  add(bytes: Uint8Array): string {
    const name = `component.core${this.#firstNumber + this.modules.length}.wasm`
    this.modules.push({ name, bytes })
    return `getCoreModule('${name}')`
  }
}

const replace = (node: { start: number; end: number }, text: string): Edit => ({ start: node.start, end: node.end, text })

const isConstant = (node: AnyNode, name: string): boolean =>
  node.type === 'VariableDeclaration' && node.declarations.length === 1 && identifierName(node.declarations[0]?.id) === name

/** The variables that hold core functions which the glue calls directly, on a stack that cannot suspend. */
const directCore = /^(?:realloc|postReturn)\d+$/

/** Sets the variable for the callback of an async lift (`callback_0 = …`). */
const isCallback = (node: AnyNode): boolean =>
  node.type === 'AssignmentExpression' && /^callback_\d+$/.test(identifierName(node.left) ?? '')

const asyncCatch = (node: AnyNode): boolean =>
  node.type === 'CatchClause' && node.body.body.some((each) => debugLogMessage(each)?.endsWith('error during async call') === true)

/** The variables that hold the host object behind a handle that the guest gave. */
const heldResource = /^(?:rsc\d+|resourceObj)$/

const isForgedHandle = (node: AnyNode): node is AnyNode & { consequent: AnyNode } => {
  if (node.type !== 'IfStatement' || node.test.type !== 'UnaryExpression' || node.test.operator !== '!') return false
  if (!heldResource.test(identifierName(node.test.argument) ?? '') || node.consequent.type !== 'BlockStatement') return false
  const [first] = node.consequent.body
  return (
    first?.type === 'ExpressionStatement' &&
    first.expression.type === 'AssignmentExpression' &&
    isMethodCall(first.expression.right, 'Object', 'create')
  )
}

const isPayloadReader = (node: AnyNode): boolean => node.type === 'FunctionDeclaration' && identifierName(node.id) === 'getErrorPayload'

/** In `getErrorPayload`, what it does with an error that has no payload: throws some and returns the others. */
const payloadFallback = (node: AnyNode): { start: number; end: number } | undefined => {
  if (!isPayloadReader(node) || node.type !== 'FunctionDeclaration' || node.body.body.length !== 3) return undefined
  const [, second, third] = node.body.body
  const isKnown =
    second?.type === 'IfStatement' &&
    second.test.type === 'BinaryExpression' &&
    second.test.operator === 'instanceof' &&
    third?.type === 'ReturnStatement' &&
    identifierName(third.argument) === 'e'
  return isKnown ? { start: second.start, end: third.end } : undefined
}

const isGlobalWebAssembly = (node: AnyNode): boolean =>
  node.type === 'MemberExpression' &&
  identifierName(node.object) === 'globalThis' &&
  keyName(node.property, node.computed) === 'WebAssembly'

/** The method called on a `table._createdReps`, `undefined` for any other node. */
const pastHandlesMethod = (node: AnyNode): string | undefined => {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return undefined
  const { object, property, computed } = node.callee
  if (object.type !== 'MemberExpression' || keyName(object.property, object.computed) !== '_createdReps') return undefined
  return keyName(property, computed)
}

const isNewWebAssembly = (node: AnyNode, name: string): node is NewExpression =>
  node.type === 'NewExpression' &&
  node.callee.type === 'MemberExpression' &&
  identifierName(node.callee.object) === 'WebAssembly' &&
  keyName(node.callee.property, node.callee.computed) === name

/** The bytes of `new Uint8Array([…])`, `undefined` for anything else. */
const literalBytes = (node: AnyNode | undefined): Uint8Array | undefined => {
  if (node?.type !== 'NewExpression' || identifierName(node.callee) !== 'Uint8Array') return undefined
  const [list] = node.arguments
  if (list?.type !== 'ArrayExpression') return undefined
  const bytes = list.elements.map((element) => (element?.type === 'Literal' && typeof element.value === 'number' ? element.value : -1))
  return bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255) ? Uint8Array.from(bytes) : undefined
}

const patches: readonly Patch[] = [
  {
    name: 'no module exports',
    due: 2,
    edit: (node, source) => {
      if (node.type !== 'ExportNamedDeclaration' || node.declaration === null || node.declaration === undefined) return undefined
      const isFunction = node.declaration.type === 'FunctionDeclaration' && identifierName(node.declaration.id) === 'instantiate'
      if (isFunction) return { start: node.start, end: node.declaration.start, text: '' }
      const isEmptyBox = isConstant(node.declaration, '_util') && /= \{\s*\}$/.test(source.slice(node.start, node.end))
      return isEmptyBox ? replace(node, '') : undefined
    },
  },
  {
    // The caller's instantiateCore is what adds metering: there must be no way without.
    name: 'no default for instantiateCore',
    due: 1,
    edit: (node) =>
      node.type === 'AssignmentPattern' && identifierName(node.left) === 'instantiateCore' ? replace(node, 'instantiateCore') : undefined,
  },
  { name: 'no fetching compiler', due: 1, edit: (node) => (isConstant(node, 'fetchCompile') ? replace(node, ';') : undefined) },
  {
    name: 'no default for getCoreModule',
    due: 1,
    edit: (node) =>
      node.type === 'IfStatement' && node.test.type === 'UnaryExpression' && identifierName(node.test.argument) === 'getCoreModule'
        ? replace(node, ';')
        : undefined,
  },
  { name: 'no debug log', due: 1, edit: (node) => (isConstant(node, '_debugLog') ? replace(node, ';') : undefined) },
  {
    // Building and skipping their arguments is more than half of the cost of a call.
    name: 'no debug messages',
    due: (node) => debugLogMessage(node) !== undefined,
    edit: (node) => (debugLogMessage(node) === undefined ? undefined : replace(node, ';')),
  },
  {
    // Answering with the promise of a task that never completes leaves a rejected call hanging for ever.
    name: 'rejected calls throw',
    due: asyncCatch,
    edit: (node) => {
      if (!asyncCatch(node) || node.type !== 'CatchClause' || identifierName(node.param) !== 'err') return undefined
      const last = node.body.body.at(-1)
      return last?.type === 'ReturnStatement' && isMethodCall(last.argument, 'task', 'completionPromise')
        ? replace(last, 'throw err;')
        : undefined
    },
  },
  {
    // Errors of adapters come from another context, where `instanceof Error` is false: a trap would reach the guest as an `err` it can go on from.
    name: 'only declared errors are lowered',
    due: isPayloadReader,
    edit: (node) => {
      const fallback = payloadFallback(node)
      return fallback === undefined ? undefined : replace(fallback, 'throw e;')
    },
  },
  {
    // Metering must know that it cannot suspend there.
    name: 'direct core calls are guarded',
    due: (node) => node.type === 'VariableDeclarator' && directCore.test(identifierName(node.id) ?? ''),
    edit: (node, source) =>
      node.type === 'AssignmentExpression' && node.operator === '=' && directCore.test(identifierName(node.left) ?? '')
        ? replace(node.right, `guard(${source.slice(node.right.start, node.right.end)})`)
        : undefined,
  },
  {
    // Where the transpiler sees nothing to wait for it calls at once; but metering may wait anywhere.
    name: 'callbacks can wait',
    due: isCallback,
    edit: (node, source) => {
      if (!isCallback(node) || node.type !== 'AssignmentExpression') return undefined
      const { right } = node
      if (isMethodCall(right, 'WebAssembly', 'promising')) return replace(right, source.slice(right.start, right.end))
      const core = isMethodCall(right, 'Object', 'assign') && right.type === 'CallExpression' ? right.arguments[0] : undefined
      return core === undefined ? undefined : replace(right, `WebAssembly.promising(${source.slice(core.start, core.end)})`)
    },
  },
  {
    // A handle without a live object behind it was forged or dropped; the glue would make an object up.
    name: 'forged handles trap',
    due: (node) => isMethodCall(node, 'Object', 'create'),
    edit: (node) =>
      isForgedHandle(node) ? replace(node.consequent, `{ throw new WebAssembly.RuntimeError('unknown resource handle'); }`) : undefined,
  },
  {
    name: 'inline modules are files',
    due: (node) => isNewWebAssembly(node, 'Module'),
    edit: (node, _source, extracted) => {
      const bytes = isNewWebAssembly(node, 'Module') ? literalBytes(node.arguments[0]) : undefined
      return bytes === undefined ? undefined : replace(node, extracted.add(bytes))
    },
  },
  {
    name: 'inline modules are metered',
    due: (node) => isNewWebAssembly(node, 'Instance'),
    edit: (node) => (isNewWebAssembly(node, 'Instance') ? { start: node.start, end: node.callee.end, text: 'instantiateCore' } : undefined),
  },
  {
    name: 'one way to WebAssembly',
    due: isGlobalWebAssembly,
    edit: (node) => (isGlobalWebAssembly(node) ? replace(node, 'WebAssembly') : undefined),
  },
  {
    // A set of all handles ever made, written and never read: it would grow with every call.
    name: 'no record of past handles',
    due: (node) => pastHandlesMethod(node) !== undefined,
    edit: (node) => (node.type === 'ExpressionStatement' && pastHandlesMethod(node.expression) === 'add' ? replace(node, ';') : undefined),
  },
]

const apply = (source: string, edits: readonly Edit[]): string => {
  const pieces: string[] = []
  let position = 0
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    if (edit.start < position) throw new CordonError('ingest.failed', 'two patches of the generated code overlap')
    pieces.push(source.slice(position, edit.start), edit.text)
    position = edit.end
  }
  return [...pieces, source.slice(position)].join('')
}

/**
 * Turns the module text that jco generated (`source`, parsed as `tree`) into the expression text of an artifact, and takes out the core modules
 * it carries, which are numbered from `firstNumber` on. Every patch asserts how often it applied; a mismatch means that
 * the generator has changed under us and throws CordonError `ingest.failed`.
 */
export const patchGlue = (source: string, tree: Program, firstNumber: number): { glue: string; modules: readonly CoreModule[] } => {
  const extracted = new ExtractedModules(firstNumber)
  const tallies = patches.map((patch) => ({ patch, edits: [] as Edit[], due: typeof patch.due === 'number' ? patch.due : 0 }))
  visitTree(tree, (node) => {
    for (const tally of tallies) {
      if (typeof tally.patch.due === 'function' && tally.patch.due(node)) tally.due += 1
      const edit = tally.patch.edit(node, source, extracted)
      if (edit !== undefined) tally.edits.push(edit)
    }
  })
  const off = tallies.find((tally) => tally.edits.length !== tally.due)
  if (off !== undefined) {
    throw new CordonError(
      'ingest.failed',
      `expected the patch "${off.patch.name}" to apply ${off.due} times to the generated code, it applied ${off.edits.length} times`,
    )
  }
  const body = apply(
    source,
    tallies.flatMap((tally) => tally.edits),
  )
  return { glue: `(guard) => {\n"use strict";\n${body}\nreturn { instantiate };\n}`, modules: extracted.modules }
}
