import type { ExportedFunction } from '#core/artifact.ts'
import type { ComponentPlan, RootExport } from '#core/component/component-plan.ts'
import { lowerCamel } from '#core/component/js-names.ts'
import { CordonError } from '#core/errors.ts'
import { checkExportName } from '#core/wasm/safe-name.ts'
import { callOf, httpHandlerType } from './exported-call.ts'
import { naming } from './ingest-error.ts'
import { SignatureTexts } from './signature-text.ts'

/** What is read of a component. */
type ExportsPlan = Pick<ComponentPlan, 'exports' | 'functions' | 'imports' | 'resources'>

/** More than any interface has; the artifact's codec allows as many. */
const maxExports = 1000

const unsupported = (message: string): CordonError => new CordonError('component.unsupported', message)

/** Methods, constructors and statics belong to a resource, which lives in the component: nobody outside has one to call them on. */
const isPlain = (name: string): boolean => !name.startsWith('[')

const ofInstance = (iface: string, exports: readonly RootExport[]): ExportedFunction[] => {
  const key = iface.includes(':') ? iface : lowerCamel(iface)
  return exports
    .filter(({ kind, name }) => kind === 'func' && isPlain(name))
    .map(({ name }) => ({ path: [key, lowerCamel(name)], ...callOf(iface, name) }))
}

const checkNames = (exports: readonly RootExport[]): void => {
  for (const each of exports) {
    naming('the component', () => checkExportName(each.name, 0))
    if (each.kind === 'instance') checkNames(each.exports)
  }
}

/** A linker has nothing to put around such a function: no types that it checks, no turn that it waits for. */
const checkOwn = (exports: readonly RootExport[], functions: ComponentPlan['functions']): void => {
  for (const each of exports) {
    if (each.kind === 'instance') checkOwn(each.exports, functions)
    if (each.kind === 'func' && functions[each.function]?.from === 'import')
      throw unsupported(`the component exports \`${each.name}\`, a function of the host that it imports; expected functions of its own`)
  }
}

/** A handler is given resources of the host: one of another type than the interface's must not pass for it. */
const checkHandlers = (plan: ExportsPlan): void => {
  const texts = new SignatureTexts(plan)
  for (const { kind, ...instance } of plan.exports) {
    if (kind !== 'instance' || !('exports' in instance)) continue
    for (const each of instance.exports) {
      const type = each.kind === 'func' ? plan.functions[each.function]?.type : undefined
      if (type === undefined || callOf(instance.name, each.name).kind !== 'http-handler') continue
      const signature = texts.of(type)
      if (signature !== httpHandlerType)
        throw unsupported(`the component exports \`handle\` of \`${instance.name}\` as \`${signature}\`; expected \`${httpHandlerType}\``)
    }
  }
}

const callable = (exported: RootExport): ExportedFunction[] => {
  if (exported.kind === 'instance') return ofInstance(exported.name, exported.exports)
  const isFunction = exported.kind === 'func' && isPlain(exported.name)
  return isFunction ? [{ path: [lowerCamel(exported.name)], call: exported.name, kind: 'plain' }] : []
}

const firstResource = (exports: readonly RootExport[], key: string): string | undefined => {
  for (const each of exports) {
    if (each.kind === 'resource') return `the resource \`${each.name}\` in \`${key}\``
    const inside = each.kind === 'instance' ? firstResource(each.exports, each.name) : undefined
    if (inside !== undefined) return inside
  }
  return undefined
}

const checkPaths = (found: readonly ExportedFunction[]): void => {
  if (found.length > maxExports) throw unsupported(`the component exports ${found.length} functions; expected at most ${maxExports}`)
  const paths = new Set<string>()
  for (const { path, call } of found) {
    const text = path.join(' ')
    if (paths.has(text)) throw unsupported(`the component exports \`${call}\` and another function that JavaScript cannot tell from it`)
    paths.add(text)
  }
}

/**
 * The functions of a component that can be called from outside, by jco's convention of paths. Throws CordonError
 * `component.unsupported` for names that JavaScript cannot carry, for functions of the host that are only handed on, for a handler of requests with another type
 * than the interface's, and for a component with exports of which none can be called.
 */
export const readExports = (plan: ExportsPlan): readonly ExportedFunction[] => {
  checkNames(plan.exports)
  checkOwn(plan.exports, plan.functions)
  checkHandlers(plan)
  const found = plan.exports.flatMap((exported) => callable(exported))
  checkPaths(found)
  const resource = found.length === 0 ? firstResource(plan.exports, 'the component') : undefined
  if (resource !== undefined) throw unsupported(`the component exports ${resource}; expected functions only`)
  return found
}
