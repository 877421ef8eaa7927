import type { AnyNode } from 'acorn'
import { childrenOf, identifierName } from './syntax-tree.ts'

/** The names that a binding pattern declares. */
const patternNames = (pattern: AnyNode | null | undefined): string[] => {
  if (pattern === null || pattern === undefined) return []
  if (pattern.type === 'Identifier') return [pattern.name]
  if (pattern.type === 'AssignmentPattern') return patternNames(pattern.left)
  if (pattern.type === 'RestElement') return patternNames(pattern.argument)
  if (pattern.type === 'ArrayPattern') return pattern.elements.flatMap((element) => patternNames(element))
  if (pattern.type === 'ObjectPattern') return pattern.properties.flatMap((property) => patternNames(property))
  return pattern.type === 'Property' ? patternNames(pattern.value) : []
}

/** The names that this node itself declares, those of its children not counted. */
export const declaredBy = (node: AnyNode): string[] => {
  if (node.type === 'VariableDeclaration') return node.declarations.flatMap((declaration) => patternNames(declaration.id))
  if (node.type === 'CatchClause') return patternNames(node.param)
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return patternNames(node.id)
  if (node.type === 'ArrowFunctionExpression') return node.params.flatMap((each) => patternNames(each))
  const isFunction = node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression'
  return isFunction ? [...patternNames(node.id), ...node.params.flatMap((each) => patternNames(each))] : []
}

/** The names that a list of statements declares in its own scope. */
export const declaredIn = (statements: readonly AnyNode[]): string[] =>
  statements.flatMap((statement) =>
    statement.type === 'FunctionDeclaration' ? [identifierName(statement.id) ?? ''] : declaredBy(statement),
  )

/** The children in which an identifier stands for a variable, not for a property, a key or a label. */
const variableChildren = (node: AnyNode): AnyNode[] => {
  if (node.type === 'MemberExpression' && !node.computed) return [node.object]
  if (node.type === 'LabeledStatement') return [node.body]
  if (node.type === 'BreakStatement' || node.type === 'ContinueStatement') return []
  const isKeyed = node.type === 'Property' || node.type === 'MethodDefinition' || node.type === 'PropertyDefinition'
  if (!isKeyed || node.computed) return childrenOf(node)
  return node.value === null || node.value === undefined ? [] : [node.value]
}

/** Every name in the tree that stands for a variable, declared there or not. */
export const variableNames = (root: AnyNode): Set<string> => {
  const names = new Set<string>()
  const open: AnyNode[] = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'Identifier') names.add(node.name)
    open.push(...variableChildren(node))
  }
  return names
}
