import type { AnyNode, FunctionDeclaration, ObjectExpression, Program } from 'acorn'
import type { ExportedFunction } from '#core/artifact.ts'
import { CordonError } from '#core/errors.ts'
import { callOf } from './exported-call.ts'
import { debugLogMessage, identifierName, keyName, visitTree } from './syntax-tree.ts'

/** An export as the generated code has it. */
export interface GlueExport extends ExportedFunction {
  /** jco's notation for `asyncExports`: `iface@version#func`, or the function's name. */
  readonly asyncName: string
  /** Whether it is called as promising. */
  readonly isAsync: boolean
}

interface Declarations {
  readonly functions: Map<string, FunctionDeclaration>
  /** Variables that are an object literal: one for each exported instance. */
  readonly instances: Map<string, ObjectExpression>
  /** What the generated `instantiate` answers with. */
  readonly results: ObjectExpression[]
}

const failed = (what: string): CordonError => new CordonError('ingest.failed', `expected ${what} in the generated code, found none`)

const declarationsIn = (tree: Program): Declarations => {
  const found: Declarations = { functions: new Map(), instances: new Map(), results: [] }
  visitTree(tree, (node) => {
    if (node.type === 'FunctionDeclaration') {
      const name = identifierName(node.id)
      if (name !== undefined && 'id' in node) found.functions.set(name, node as FunctionDeclaration)
    }
    if (node.type === 'VariableDeclarator' && node.init?.type === 'ObjectExpression') {
      const name = identifierName(node.id)
      if (name !== undefined) found.instances.set(name, node.init)
    }
    if (isGenerator(node)) found.results.push(...returnedObjects(node))
  })
  return found
}

const isGenerator = (node: AnyNode): node is AnyNode & { body: AnyNode } =>
  (node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration') && identifierName(node.id) === '_initGenerator'

const returnedObjects = (generator: AnyNode & { body: AnyNode }): ObjectExpression[] =>
  (generator.body.type === 'BlockStatement' ? generator.body.body : []).flatMap((node) =>
    node.type === 'ReturnStatement' && node.argument?.type === 'ObjectExpression' ? [node.argument] : [],
  )

/** Properties of an object literal as JavaScript would see them: of two with one name the last counts. */
const propertiesOf = (literal: ObjectExpression): Map<string, string> => {
  const properties = new Map<string, string>()
  for (const property of literal.properties) {
    if (property.type !== 'Property') throw failed('plain export properties')
    const key = keyName(property.key, property.computed)
    const value = identifierName(property.value)
    if (key === undefined || value === undefined) throw failed('named export properties')
    properties.set(key, value)
  }
  return properties
}

/** The component-model names of a generated export, from the step it logs before it calls into the guest. */
const witNamesOf = (declaration: FunctionDeclaration): { iface: string; func: string } => {
  let names: { iface: string; func: string } | undefined
  visitTree(declaration.body, (node) => {
    const match = /^\[iface="([^"]*)", function="([^"]*)"\] ?\[Instruction::CallWasm\] enter$/.exec(debugLogMessage(node) ?? '')
    if (match?.[1] !== undefined && match[2] !== undefined) names ??= { iface: match[1], func: match[2] }
  })
  if (names === undefined) throw failed(`the names of export \`${declaration.id.name}\``)
  return names
}

const ofInstance = (key: string, instance: ObjectExpression, functions: Declarations['functions']): GlueExport[] =>
  [...propertiesOf(instance)].map(([name, value]) => {
    const declaration = functions.get(value)
    if (declaration === undefined) {
      throw new CordonError(
        'component.unsupported',
        `the component exports the resource \`${name}\` in \`${key}\`; expected functions only`,
      )
    }
    const { iface, func } = witNamesOf(declaration)
    const { call, kind } = callOf(iface, func)
    return { path: [key, name], call, kind, asyncName: `${iface}#${func}`, isAsync: declaration.async }
  })

/** An instance is also exported under its last word; that alias is left out where the full name is there. */
const isAlias = (key: string, value: string, exported: Map<string, string>): boolean =>
  !key.includes(':') && [...exported].some(([other, same]) => other.includes(':') && same === value)

/** Reads the exported functions out of the module text that jco generated. Throws CordonError `ingest.failed` or `component.unsupported`. */
export const readExports = (tree: Program): GlueExport[] => {
  const { functions, instances, results } = declarationsIn(tree)
  const [result] = results
  if (result === undefined || results.length > 1) throw failed('one object of exports')
  const exported = propertiesOf(result)
  return [...exported].flatMap(([key, value]) => {
    const declaration = functions.get(value)
    if (declaration !== undefined) {
      const { func } = witNamesOf(declaration)
      return [{ path: [key], call: func, kind: 'plain', asyncName: func, isAsync: declaration.async } satisfies GlueExport]
    }
    if (isAlias(key, value, exported)) return []
    const instance = instances.get(value)
    if (instance === undefined) {
      throw new CordonError('component.unsupported', `the component exports \`${key}\`, which is no function; expected functions only`)
    }
    return ofInstance(key, instance, functions)
  })
}
