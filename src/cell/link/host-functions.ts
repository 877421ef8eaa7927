import type { FunctionPlan, RootImport } from '#core/component/component-plan.ts'
import { lowerCamel, upperCamel } from '#core/component/js-names.ts'
import { linkedName } from '#core/implemented-interfaces.ts'
import { LinkTrap, type Imports } from './linker.ts'

/** Calls a host function with lifted values. */
export type HostFunction = (values: readonly unknown[]) => unknown

/** A host function by the names that jco's convention has for it. */
export interface HostMember {
  /** The interface's `linkedName`, or the name of an imported function. */
  readonly interfaceId: string
  /** As the component model has it: `[method]pollable.block`. Undefined for an imported function. */
  readonly name: string | undefined
  readonly kind: 'function' | 'method' | 'static' | 'constructor'
  /** The class that it belongs to. */
  readonly className: string
  readonly memberName: string
}

type Call = (...values: readonly unknown[]) => unknown
type Class = new (...values: readonly unknown[]) => unknown

/** What every function inherits from: `call`, `bind` and the like are nobody's members. */
const everyFunction: unknown = Object.getPrototypeOf(lowerCamel)

const memberName = /^\[(method|static|constructor)\]([^.]+)(?:\.(.+))?$/

/** Names a function that the root imports. */
export const hostMember = (imports: readonly RootImport[], plan: FunctionPlan & { readonly from: 'import' }): HostMember => {
  const { name } = plan
  const interfaceId = linkedName(imports[plan.import]?.name ?? '')
  const [, kind, resource = '', member = ''] = memberName.exec(name ?? '') ?? []
  if (kind !== 'method' && kind !== 'static' && kind !== 'constructor') {
    return { interfaceId, name, kind: 'function', className: '', memberName: lowerCamel(name ?? '') }
  }
  return { interfaceId, name, kind, className: upperCamel(resource), memberName: lowerCamel(member) }
}

/** The member of `imports`, ready to be called. Throws {@link LinkTrap} `link` when it is missing; what objects inherit from the language does not count. */
export const resolveMember = (imports: Imports, member: HostMember): HostFunction => {
  const { kind, className } = member
  if (kind === 'function') return rootOrMember(imports, member)
  const found = resourceClass(imports, member.interfaceId, className)
  if (found === undefined) throw missing(member)
  if (kind === 'constructor') return (values) => Reflect.construct(found, values)
  return kind === 'static' ? staticOf(found, member) : methodOf(found, member)
}

/** A host's class by the names that jco's convention has for it. */
export interface HostClass {
  readonly interfaceId: string
  readonly className: string
  readonly resource: number
  /** Another name for a class that another entry has; the host may leave it out. */
  readonly isAlias: boolean
}

/** Names the classes that the root imports; aliases come last. */
export const hostClasses = (imports: readonly RootImport[]): readonly HostClass[] => {
  const named = (isAlias: boolean) =>
    imports.flatMap(({ name, resources, aliases }) =>
      (isAlias ? aliases : resources).map((each) => ({
        interfaceId: linkedName(name),
        className: upperCamel(each.name),
        resource: each.resource,
        isAlias,
      })),
    )
  return [...named(false), ...named(true)]
}

/** The classes of `imports` by resource. Throws {@link LinkTrap} `link` when one is missing, or when its other name has another class. */
export const resolveClasses = (imports: Imports, wanted: readonly HostClass[]): readonly (Class | undefined)[] => {
  const classes: (Class | undefined)[] = []
  for (const each of wanted) {
    const found = resourceClass(imports, each.interfaceId, each.className)
    if (each.isAlias ? found !== undefined && found !== classes[each.resource] : found === undefined) throw misfit(each)
    if (!each.isAlias) classes[each.resource] = found
  }
  return classes
}

const rootOrMember = (imports: Imports, member: HostMember): HostFunction => {
  const held = own(imports, member.interfaceId)
  const found = member.name !== undefined ? own(held, member.memberName) : isFunction(held) ? held : own(held, 'default')
  if (!isFunction(found)) throw missing(member)
  return (values) => found(...values)
}

const staticOf = (found: Class, member: HostMember): HostFunction => {
  const run = inherited(found, member.memberName, everyFunction)
  if (!isFunction(run)) throw missing(member)
  return (values) => Reflect.apply(run, found, values)
}

/** Always the class's own method: an object cannot bring one along. */
const methodOf = (found: Class, member: HostMember): HostFunction => {
  const run = inherited(found.prototype, member.memberName, Object.prototype)
  if (!isFunction(run) || Object.is(run, found)) throw missing(member)
  return ([self, ...values]) => Reflect.apply(run, self, values)
}

const resourceClass = (imports: Imports, interfaceId: string, name: string): Class | undefined => {
  const found = own(own(imports, interfaceId), name)
  return isFunction(found) ? (found as unknown as Class) : undefined
}

const own = (holder: unknown, name: string): unknown =>
  (typeof holder === 'object' || typeof holder === 'function') && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Record<string, unknown>)[name]
    : undefined

/** What `holder` has or inherits, up to `end`, which every object of its kind inherits from. */
const inherited = (holder: unknown, name: string, end: unknown): unknown => {
  for (let at = holder; typeof at === 'object' || typeof at === 'function'; at = Object.getPrototypeOf(at)) {
    if (at === null || at === end) return undefined
    if (Object.hasOwn(at, name)) return (at as Record<string, unknown>)[name]
  }
  return undefined
}

const isFunction = (value: unknown): value is Call => typeof value === 'function'

const missing = ({ interfaceId, name }: HostMember): LinkTrap =>
  new LinkTrap(`expected the host to have \`${interfaceId}${name === undefined ? '' : `#${name}`}\``, 'link')

const misfit = ({ interfaceId, className, isAlias }: HostClass): LinkTrap =>
  new LinkTrap(`expected the host to have ${isAlias ? 'one and the same' : 'a'} class \`${className}\` in \`${interfaceId}\``, 'link')
