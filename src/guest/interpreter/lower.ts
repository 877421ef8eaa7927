import { parse, type AnyNode, type Options, type Token } from 'acorn'

import { EditedText } from './edited-text.ts'
import { UnsupportedSyntax, visitChildren } from './syntax-tree.ts'

/** The name under which lowered code finds `coroutine.ts`. */
export const runtimeName = '$cordon'

/** In which kind of function a node stands: where `await` belongs to. */
type Kind = 'sync' | 'async' | 'async-generator'

type FunctionNode = Extract<AnyNode, { type: 'FunctionDeclaration' | 'FunctionExpression' | 'ArrowFunctionExpression' }>

const grammar: Options = {
  ecmaVersion: 'latest',
  // Strict code with `await` at the top level; `import` and `export` are refused below.
  sourceType: 'module',
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: true,
}

/**
 * Rewrites `async` and `await` into generators on `coroutine.ts`, as text: QuickJS in its synchronous form never runs
 * the promise jobs that native `async` functions wait on. Lines stay where they are.
 */
class Lowering {
  readonly text: EditedText
  readonly #code: string
  readonly #tokens: Token[] = []
  readonly #program: Extract<AnyNode, { type: 'Program' }>
  #loops = 0

  constructor(code: string) {
    this.#code = code
    this.text = new EditedText(code)
    this.#program = parse(code, { ...grammar, onToken: this.#tokens })
  }

  lower(): EditedText {
    this.#returnLast()
    for (const statement of this.#program.body) this.#visit(statement, 'async')
    return this.text
  }

  /** Code without a `return` of its own gives its last expression. */
  #returnLast(): void {
    const last = this.#program.body.at(-1)
    if (last?.type !== 'ExpressionStatement' || hasReturn(this.#program)) return
    const end = this.#code[last.end - 1] === ';' ? last.end - 1 : last.end
    this.text.insert(last.start, 'return (')
    this.#visit(last, 'async')
    this.text.insert(end, ')')
    this.#program.body.pop()
  }

  #visit(node: AnyNode, kind: Kind): void {
    refuse(node)
    if (isFunction(node)) return this.#function(node)
    if (node.type === 'MethodDefinition' || node.type === 'Property') return this.#member(node, kind)
    if (node.type === 'AwaitExpression') return this.#await(node, kind)
    if (node.type === 'YieldExpression') return this.#yield(node, kind)
    if (node.type === 'ForOfStatement' && node.await) return this.#forAwait(node, kind)
    this.#children(node, kind)
  }

  #children(node: AnyNode, kind: Kind): void {
    visitChildren(node, (child) => this.#visit(child, kind))
  }

  /** The first token at or after `from` with that text. */
  #token(from: number, text: string): Token {
    const token = this.#tokens.find(({ start, end }) => start >= from && this.#code.slice(start, end) === text)
    if (token === undefined) throw new UnsupportedSyntax(`code without the expected \`${text}\``, this.#program)
    return token
  }

  #remove(token: Token, instead = ''): void {
    this.text.replace(token.start, token.end, instead)
  }

  #function(node: FunctionNode): void {
    if (!node.async) return this.#children(node, 'sync')
    this.#remove(this.#token(node.start, 'async'))
    if (node.type === 'ArrowFunctionExpression') return this.#arrow(node)
    if (node.generator) this.#remove(this.#token(node.start, '*'))
    const from = node.id?.end ?? this.#token(node.start, 'function').end
    this.#wrap(node, this.#token(from, '(').start)
  }

  /** `f(a) { … }` → `f() { return $cordon.drive(function* (a) { … }.apply(this, arguments)) }`, from the parameters on. */
  #wrap(node: FunctionNode, start: number): void {
    const kind = node.generator ? 'async-generator' : 'async'
    const driver = node.generator ? 'generate' : 'drive'
    this.text.insert(start, `() { return ${runtimeName}.${driver}(function* `)
    this.#children(node, kind)
    this.text.insert(node.end, '.apply(this, arguments)) }')
  }

  /** An arrow keeps its parameters; its generator takes over `this` and `arguments` when it uses them. */
  #arrow(node: FunctionNode): void {
    for (const parameter of node.params) this.#visit(parameter, 'async')
    const arrow = this.#tokens.findLast(({ start, end }) => end <= node.body.start && this.#code.slice(start, end) === '=>')
    const at = arrow?.end ?? node.body.start
    const [open, close] = node.body.type === 'BlockStatement' ? ['', ''] : ['{ return (', ') }']
    this.text.insert(at, ` ${runtimeName}.drive(function* () ${open}`)
    this.#visit(node.body, 'async')
    const uses = lexicalUses(node.body)
    const self = uses.has('this') ? 'this' : 'undefined'
    this.text.insert(node.end, `${close}.apply(${self}, ${uses.has('arguments') ? 'arguments' : '[]'}))`)
  }

  #member(node: Extract<AnyNode, { type: 'MethodDefinition' | 'Property' }>, kind: Kind): void {
    const { value } = node
    const isMethod = node.type === 'MethodDefinition' || node.method
    if (!isMethod || value.type !== 'FunctionExpression' || !value.async) return this.#children(node, kind)
    if (lexicalUses(value.body).has('super')) throw new UnsupportedSyntax('`super` in an async method', value)
    // A `;` in a class keeps `[key]() {}` from being read as part of the field before it.
    const isClassMember = node.type === 'MethodDefinition' && !node.static
    this.#remove(this.#token(node.start, 'async'), isClassMember ? ';' : '')
    if (value.generator) this.#remove(this.#token(node.start, '*'))
    if (node.computed) this.#visit(node.key, kind)
    this.#wrap(value, value.start)
  }

  #await(node: Extract<AnyNode, { type: 'AwaitExpression' }>, kind: Kind): void {
    // Begins with a name, so that the rules for missing semicolons see what they saw before.
    const wait = kind === 'async-generator' ? `${runtimeName}.wait(` : '('
    this.text.replace(node.start, node.start + 'await'.length, `${runtimeName}.value(yield ${wait}`)
    this.#visit(node.argument, kind)
    this.text.insert(node.end, '))')
  }

  #yield(node: Extract<AnyNode, { type: 'YieldExpression' }>, kind: Kind): void {
    if (kind !== 'async-generator') return this.#children(node, kind)
    const star = node.delegate ? '* ' : ''
    if (node.delegate) this.#remove(this.#token(node.start, '*'))
    const give = `${runtimeName}.${node.delegate ? 'delegate' : 'give'}(`
    this.text.replace(node.start, node.start + 'yield'.length, `${runtimeName}.value(yield${star} ${give}`)
    if (node.argument) this.#visit(node.argument, kind)
    this.text.insert(node.end, '))')
  }

  /** `for await (const a of b) c` → a plain loop over the steps of `b`, each step awaited. */
  #forAwait(node: Extract<AnyNode, { type: 'ForOfStatement' }>, kind: Kind): void {
    this.#loops += 1
    const step = `${runtimeName}${this.#loops}`
    const { left, right, body } = node
    const target = this.#code.slice(left.start, left.end)
    this.#remove(this.#token(node.start, 'await'))
    this.text.replace(left.start, left.end, `const ${step}`)
    const closing = this.#tokens.findLast(
      ({ start, end }) => start >= right.end && end <= body.start && this.#code.slice(start, end) === ')',
    )
    this.text.insert(this.#token(left.end, 'of').end, ` ${runtimeName}.steps(`)
    this.#visit(right, kind)
    this.text.insert(closing?.start ?? right.end, ')')
    const wait = kind === 'async-generator' ? `${runtimeName}.wait(${step}.next())` : `${step}.next()`
    const take = left.type === 'VariableDeclaration' ? `${target} = ${step}.value;` : `(${target} = ${step}.value);`
    this.text.insert(body.start, `{ if (${step}.end(yield ${wait})) break; ${take} `)
    this.#visit(body, kind)
    this.text.insert(body.end, ' }')
  }
}

/** Refuses what a snippet cannot have: other modules, and disposal that would have to wait. */
const refuse = (node: AnyNode): void => {
  if (node.type.startsWith('Import')) throw new UnsupportedSyntax('`import`', node)
  if (node.type.startsWith('Export')) throw new UnsupportedSyntax('`export`', node)
  if (node.type === 'VariableDeclaration' && node.kind === 'await using') throw new UnsupportedSyntax('`await using`', node)
}

/** Whether a `return` of the program itself occurs, outside of functions. */
const hasReturn = (node: AnyNode): boolean => {
  let found = node.type === 'ReturnStatement'
  if (!isFunction(node)) visitChildren(node, (child) => (found ||= hasReturn(child)))
  return found
}

const isFunction = (node: AnyNode): node is FunctionNode =>
  node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'

/** Which of `this`, `arguments` and `super` a body means of the functions around it; arrows look through. */
const lexicalUses = (node: AnyNode, uses = new Set<string>()): ReadonlySet<string> => {
  if (node.type === 'ThisExpression') uses.add('this')
  if (node.type === 'Super') uses.add('super')
  if (node.type === 'Identifier' && node.name === 'arguments') uses.add('arguments')
  if (node.type !== 'FunctionDeclaration' && node.type !== 'FunctionExpression')
    visitChildren(node, (child) => void lexicalUses(child, uses))
  return uses
}

/** `{ a: 1 }` alone is meant as an object, though the grammar reads a block. */
const asExpression = (code: string): string | undefined => {
  if (!/^\s*\{[^]*\}\s*$/.test(code)) return undefined
  try {
    const wrapped = `(${code})`
    parse(wrapped, grammar)
    return wrapped
  } catch {
    return undefined
  }
}

/**
 * Lowers the body of an async function; its last expression is its result when it has no `return` of its own.
 *
 * @throws SyntaxError of acorn, with `loc`
 * @throws UnsupportedSyntax
 */
export const lower = (code: string): EditedText => new Lowering(asExpression(code) ?? code).lower()
