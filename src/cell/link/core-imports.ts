import type { CoreInstancePlan, CoreReference } from '#core/component/component-plan.ts'

type ModuleImports = Record<string, unknown>

/** What import objects inherit from. Not null itself: an object made of null is a dictionary: a microsecond more for each. */
const nothing: object = Object.freeze(Object.create(null))

/** An object without members of any kind. Its names may be a component's. */
export const emptyImports = <T>(): Record<string, T> => Object.create(nothing) as Record<string, T>

/** The imports of one core instance, grouped by module so that each instance only has to fill them in. */
export interface ImportTemplate {
  readonly modules: readonly {
    readonly name: string
    readonly fields: readonly { readonly name: string; readonly given: CoreReference }[]
  }[]
}

/** Groups what a step is given. */
export const importTemplate = ({ imports }: CoreInstancePlan): ImportTemplate => {
  const modules = new Map<string, { readonly name: string; readonly given: CoreReference }[]>()
  for (const { module, name, given } of imports) {
    const fields = modules.get(module) ?? []
    fields.push({ name, given })
    modules.set(module, fields)
  }
  return { modules: [...modules].map(([name, fields]) => ({ name, fields })) }
}

/** Fills a template. */
export const fillImports = (template: ImportTemplate, resolve: (given: CoreReference) => unknown): Record<string, ModuleImports> => {
  const all = emptyImports<ModuleImports>()
  for (const { name, fields } of template.modules) {
    const filled = emptyImports()
    for (const field of fields) filled[field.name] = resolve(field.given)
    all[name] = filled
  }
  return all
}
