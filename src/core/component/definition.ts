import type { CanonicalOptions, CanonPlan } from './component-plan.ts'
import type { CoreType, ModuleType } from './core-types.ts'
import type { ComponentNode, Entity, FunctionNode, Opened, Resource, StaticType } from './static-types.ts'

/** A component that was read and found valid: what instantiating it does, in order. Indices are those of its own index spaces. */
export interface ComponentDefinition {
  readonly type: ComponentNode
  readonly definitions: readonly Definition[]
}

/** Something that is passed to an instantiation or exported. */
export type Item =
  | { readonly kind: 'func' | 'component' | 'instance' | 'module'; readonly index: number }
  | { readonly kind: 'type'; readonly type: StaticType }

/** Canonical options by index. */
export interface IndexedOptions {
  readonly encoding: CanonicalOptions['encoding']
  readonly memory: number | undefined
  readonly realloc: number | undefined
  readonly postReturn: number | undefined
}

/** A definition that does something when its component is instantiated; types do nothing. Each begins at byte `at`. */
export type Definition = ComponentLevelDefinition | CoreLevelDefinition

type At = { readonly at: number }

export type ComponentLevelDefinition = At &
  (
    | { readonly kind: 'module'; readonly module: number; readonly type: ModuleType }
    | { readonly kind: 'component'; readonly component: ComponentDefinition }
    | { readonly kind: 'instance'; readonly component: number; readonly args: ReadonlyMap<string, Item>; readonly opens: readonly Opened[] }
    | { readonly kind: 'exports'; readonly exports: ReadonlyMap<string, Item> }
    | { readonly kind: 'alias'; readonly instance: number; readonly name: string }
    /** `components` outwards. */
    | { readonly kind: 'outer'; readonly sort: 'module' | 'component'; readonly components: number; readonly index: number }
    | { readonly kind: 'import'; readonly name: string; readonly entity: Entity; readonly opens: readonly Opened[] }
    | { readonly kind: 'export'; readonly name: string; readonly item: Item; readonly entity: Entity; readonly opens: readonly Opened[] }
  )

export type CoreLevelDefinition = At & { readonly level: 'core' } & (
    | { readonly kind: 'core instance'; readonly module: number; readonly args: ReadonlyMap<string, number> }
    | {
        readonly kind: 'core exports'
        readonly exports: readonly { readonly name: string; readonly kind: CoreType['kind']; readonly index: number }[]
      }
    | { readonly kind: 'core alias'; readonly instance: number; readonly name: string; readonly sort: CoreType['kind'] }
    | { readonly kind: 'resource'; readonly resource: Resource; readonly destructor: number | undefined }
    | { readonly kind: 'lift'; readonly core: number; readonly options: IndexedOptions; readonly type: FunctionNode }
    | { readonly kind: 'lower'; readonly function: number; readonly options: IndexedOptions }
    | { readonly kind: Exclude<CanonPlan['kind'], 'lower'>; readonly resource: Resource }
  )
