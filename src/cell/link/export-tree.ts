import type { ComponentPlan, RootExport } from '#core/component/component-plan.ts'
import { lowerCamel, upperCamel } from '#core/component/js-names.ts'
import { LinkTrap } from './linker.ts'

/** What a component exports, by the names that jco's convention has for it: functions by their index, instances and classes by their members. */
export interface ExportTree extends ReadonlyMap<string, number | ExportTree> {}

type Tree = Map<string, number | Tree>

const memberName = /^\[(method|static|constructor)\]([^.]+)(?:\.(.+))?$/

/**
 * Builds it. Throws {@link LinkTrap} `link` when two exports would have one name, or when one is a function of the host as it was imported: nothing would hold
 * its caller's values to their types, nor make it wait for its turn.
 */
export const exportTree = (plan: ComponentPlan): ExportTree => {
  if (plan.exports.some((each) => isOfHost(plan, each)))
    throw new LinkTrap('expected exports of the component’s own, got a function of the host', 'link')
  const tree: Tree = new Map()
  for (const each of plan.exports) add(tree, each)
  nameConstructors(tree)
  return tree
}

/** The function at `path`. Throws {@link LinkTrap} `link`. */
export const functionAt = (tree: ExportTree, path: readonly string[]): number => {
  let found: number | ExportTree | undefined = tree
  for (const name of path) found = typeof found === 'object' ? found.get(name) : undefined
  if (typeof found !== 'number') throw new LinkTrap(`expected an exported function at \`${path.join('.')}\``, 'link')
  return found
}

const isOfHost = (plan: ComponentPlan, exported: RootExport): boolean => {
  if (exported.kind === 'instance') return exported.exports.some((each) => isOfHost(plan, each))
  return exported.kind === 'func' && plan.functions[exported.function]?.from === 'import'
}

const add = (tree: Tree, exported: RootExport): void => {
  if (exported.kind === 'func') addFunction(tree, exported.name, exported.function)
  if (exported.kind !== 'instance') return
  const inner: Tree = new Map()
  for (const each of exported.exports) add(inner, each)
  nameConstructors(inner)
  put(tree, exported.name, inner)
}

const addFunction = (tree: Tree, name: string, index: number): void => {
  const [, kind, resource = '', member = ''] = memberName.exec(name) ?? []
  if (kind === undefined) return put(tree, lowerCamel(name), index)
  const members = classNamed(tree, upperCamel(resource))
  put(members, kind === 'constructor' ? 'constructor' : lowerCamel(member), index)
}

/** A constructor is `new` as well, unless the class has a function of that name. */
const nameConstructors = (tree: Tree): void => {
  for (const members of tree.values()) {
    if (typeof members === 'number') continue
    const made = members.get('constructor')
    if (made !== undefined && !members.has('new')) members.set('new', made)
  }
}

const classNamed = (tree: Tree, name: string): Tree => {
  const known = tree.get(name)
  if (known instanceof Map) return known
  const made: Tree = new Map()
  put(tree, name, made)
  return made
}

const put = (tree: Tree, name: string, value: number | Tree): void => {
  if (tree.has(name)) throw new LinkTrap(`expected exports that JavaScript can tell apart, got two of \`${name}\``, 'link')
  tree.set(name, value)
}
