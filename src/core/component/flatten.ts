import { WasmError } from '#core/wasm/wasm-error.ts'
import type {
  CanonicalOptions,
  CanonPlan,
  ComponentPlan,
  CoreInstancePlan,
  CoreReference,
  FunctionPlan,
  ResourcePlan,
  RootExport,
} from './component-plan.ts'
import type { ComponentDefinition, CoreLevelDefinition, Definition, IndexedOptions } from './definition.ts'
import { Frame, known, type ComponentValue, type CoreInstanceValue, type FunctionValue, type InstanceValue, type Value } from './frame.ts'
import { PlanTypes } from './plan-types.ts'
import { unsupported, type Reading } from './reading.ts'
import { RootImports } from './root-imports.ts'
import type { Entity } from './static-types.ts'

type Defined<Kind extends Definition['kind']> = Extract<Definition, { kind: Kind }>

/** Instantiates a component on paper: instead of instances it makes the list of what there is to do. */
export class Flattener {
  private readonly reading: Reading
  private readonly types: PlanTypes
  private readonly instances: number[] = []
  private readonly resources: ResourcePlan[] = []
  private readonly functions: FunctionPlan[] = []
  private readonly canons: CanonPlan[] = []
  private readonly steps: CoreInstancePlan[] = []
  private readonly imports: RootImports

  constructor(reading: Reading) {
    this.reading = reading
    this.types = new PlanTypes(reading)
    this.imports = new RootImports((plan, at) => this.addResource(plan, at))
  }

  /** The plan of `definition` as the root. Throws WasmError. */
  flatten(definition: ComponentDefinition): Omit<ComponentPlan, 'modules'> {
    const exports = this.instantiate({ definition, around: undefined }, new Map(), undefined, 0)
    const { instances, resources, functions, canons, steps } = this
    return {
      imports: this.imports.plans,
      instances,
      resources,
      functions,
      canons,
      steps,
      exports: this.rootExports(definition.type.exports, exports, 0),
    }
  }

  private instantiate(component: ComponentValue, args: InstanceValue, parent: Frame | undefined, at: number): InstanceValue {
    const depth = parent === undefined ? 0 : parent.depth + 1
    const { instantiationDepth } = this.reading.limits
    if (depth > instantiationDepth) throw new WasmError('limit', at, `expected instantiations at most ${instantiationDepth} deep, got more`)
    this.reading.count('instances', at)
    const instance = this.instances.push(parent === undefined ? -1 : parent.instance) - 1
    const frame = new Frame({ instance, around: component.around, depth, args }, this.types, this.reading)
    for (const definition of component.definition.definitions) {
      this.reading.spend(definition.at)
      this.define(frame, definition)
    }
    return frame.exports
  }

  private define(frame: Frame, definition: Definition): void {
    if ('level' in definition) return this.defineCore(frame, definition)
    switch (definition.kind) {
      case 'module':
        return void frame.modules.push({ index: definition.module, type: definition.type })
      case 'component':
        return void frame.components.push({ definition: definition.component, around: frame })
      case 'instance':
        return this.instance(frame, definition)
      case 'exports':
        return void frame.instances.push(this.values(frame, definition))
      case 'alias':
        return frame.push(known(frame.instances[definition.instance]?.get(definition.name), 'an export', definition.at))
      case 'outer':
        return this.outer(frame, definition)
      case 'import':
        return this.import(frame, definition)
      case 'export':
        return this.export(frame, definition)
    }
  }

  private defineCore(frame: Frame, definition: CoreLevelDefinition): void {
    const { at } = definition
    switch (definition.kind) {
      case 'core instance':
        return this.coreInstance(frame, definition)
      case 'core exports':
        return this.coreExports(frame, definition)
      case 'core alias': {
        const instance = known(frame.coreInstances[definition.instance], 'a core instance', at)
        return void frame.core[definition.sort].push(coreExport(instance, definition.name, at))
      }
      case 'resource': {
        const destructor =
          definition.destructor === undefined ? undefined : known(frame.core.func[definition.destructor], 'a destructor', at)
        return frame.bind(definition.resource, this.addResource({ from: 'component', instance: frame.instance, destructor }, at))
      }
      case 'lift':
        return this.lift(frame, definition)
      case 'lower': {
        const target = this.indexOf(known(frame.functions[definition.function], 'a function', at), at)
        const options = resolve(frame, definition.options, at)
        return this.canon(frame, { kind: 'lower', instance: frame.instance, function: target, options }, at)
      }
      case 'resource.new':
      case 'resource.rep':
      case 'resource.drop': {
        const resource = frame.resource(definition.resource, at)
        return this.canon(frame, { kind: definition.kind, instance: frame.instance, resource }, at)
      }
    }
  }

  private instance(frame: Frame, { component, args, opens, at }: Defined<'instance'>): void {
    this.reading.spend(at, args.size + opens.length)
    const exports = this.instantiate(known(frame.components[component], 'a component', at), frame.values(args, at), frame, at)
    frame.open(opens, exports, at)
    frame.instances.push(exports)
  }

  private values(frame: Frame, { exports, at }: Defined<'exports'>): InstanceValue {
    this.reading.spend(at, exports.size)
    return frame.values(exports, at)
  }

  private outer(frame: Frame, { sort, components, index, at }: Defined<'outer'>): void {
    let around: Frame | undefined = frame
    for (let out = 0; out < components; out++) around = around?.around
    if (sort === 'module') frame.modules.push(known(around?.modules[index], 'a core module', at))
    else frame.components.push(known(around?.components[index], 'a component', at))
  }

  private import(frame: Frame, { name, entity, opens, at }: Defined<'import'>): void {
    this.reading.spend(at, opens.length)
    if (frame.instance === 0) return this.imports.add({ frame, name, entity, opens, at })
    frame.open(opens, frame.args, at)
    frame.push(known(frame.args.get(name), 'an argument', at))
  }

  private export(frame: Frame, { name, item, opens, at }: Defined<'export'>): void {
    this.reading.spend(at, opens.length)
    const value = frame.value(item, at)
    if (opens.length > 0) frame.open(opens, new Map([[name, value]]), at)
    frame.exports.set(name, value)
    frame.push(value)
  }

  private coreInstance(frame: Frame, { module, args, at }: Defined<'core instance'>): void {
    const { index, type } = known(frame.modules[module], 'a core module', at)
    this.reading.count('coreInstances', at)
    this.reading.count('coreImports', at, type.imports.length)
    const imports = type.imports.map((entry) => {
      const given = known(frame.coreInstances[args.get(entry.module) ?? -1], `core instance \`${entry.module}\``, at)
      return { module: entry.module, name: entry.name, given: coreExport(given, entry.name, at) }
    })
    frame.coreInstances.push({ step: this.steps.push({ module: index, imports }) - 1 })
  }

  private coreExports(frame: Frame, { exports, at }: Defined<'core exports'>): void {
    this.reading.spend(at, exports.length)
    frame.coreInstances.push({
      exports: new Map(exports.map(({ name, kind, index }) => [name, known(frame.core[kind][index], 'a core definition', at)])),
    })
  }

  private lift(frame: Frame, { core, options, type, at }: Defined<'lift'>): void {
    const plan: FunctionPlan = {
      from: 'lift',
      instance: frame.instance,
      core: known(frame.core.func[core], 'a core function', at),
      options: resolve(frame, options, at),
      type: frame.types.function(type),
    }
    frame.functions.push({ plan, index: undefined })
  }

  private canon(frame: Frame, plan: CanonPlan, at: number): void {
    this.reading.count('functions', at)
    frame.core.func.push({ from: 'canon', canon: this.canons.push(plan) - 1 })
  }

  private addResource(plan: ResourcePlan, at: number): number {
    this.reading.count('resources', at)
    return this.resources.push(plan) - 1
  }

  private indexOf(value: FunctionValue, at: number): number {
    if (value.index === undefined) {
      this.reading.count('functions', at)
      value.index = this.functions.push(value.plan) - 1
    }
    return value.index
  }

  /** By their declared types: an export may be declared to have less than it has. */
  private rootExports(types: ReadonlyMap<string, Entity>, values: InstanceValue, at: number): RootExport[] {
    const exports: RootExport[] = []
    for (const [name, entity] of types) {
      // An instance that is exported twice is written down twice.
      this.reading.count('functions', at)
      exports.push(this.rootExport(name, entity, known(values.get(name), `export \`${name}\``, at)))
    }
    return exports
  }

  private rootExport(name: string, entity: Entity, value: Value): RootExport {
    if (entity.kind === 'func' && value.kind === 'func') return { kind: 'func', name, function: this.indexOf(value.function, 0) }
    if (entity.kind === 'instance' && value.kind === 'instance') {
      return { kind: 'instance', name, exports: this.rootExports(entity.type.exports, value.exports, 0) }
    }
    if (value.kind === 'type') {
      return value.resource === undefined ? { kind: 'type', name } : { kind: 'resource', name, resource: value.resource }
    }
    throw unsupported(0, `a core module or component as export \`${name}\` of the root`)
  }
}

const coreExport = (instance: CoreInstanceValue, name: string, at: number): CoreReference =>
  'step' in instance ? { from: 'step', step: instance.step, name } : known(instance.exports.get(name), `core export \`${name}\``, at)

const resolve = (frame: Frame, options: IndexedOptions, at: number): CanonicalOptions => {
  const func = (index: number | undefined): CoreReference | undefined =>
    index === undefined ? undefined : known(frame.core.func[index], 'a core function', at)
  return {
    encoding: options.encoding,
    memory: options.memory === undefined ? undefined : known(frame.core.memory[options.memory], 'a core memory', at),
    realloc: func(options.realloc),
    postReturn: func(options.postReturn),
  }
}
