import { checkModuleType } from './core-types.ts'
import { invalid, type Reading } from './reading.ts'
import { labelsOf, partsOf } from './shapes.ts'
import {
  describeType,
  type ComponentNode,
  type Entity,
  type FunctionNode,
  type InstanceNode,
  type Opened,
  type Resource,
  type Shape,
  type StaticType,
  type ValueNode,
} from './static-types.ts'
import { Substitution } from './substitution.ts'

/** How what was given stands for what was expected: by resource type, and by name of a type. */
export interface Matched {
  readonly resources: Map<Resource, Resource>
  readonly names: Map<StaticType, StaticType>
}

/** Follows `path` through exports; undefined where it leads nowhere. */
const follow = (entities: ReadonlyMap<string, Entity>, path: readonly string[]): Entity | undefined => {
  let entity: Entity | undefined
  let here: ReadonlyMap<string, Entity> | undefined = entities
  for (const name of path) {
    entity = here?.get(name)
    here = entity?.kind === 'instance' ? entity.type.exports : undefined
  }
  return entity
}

/** Checks that given types may stand for expected ones (Explainer.md, type checking). Every method throws WasmError where they may not. */
export class Matcher {
  private readonly reading: Reading
  private readonly at: number
  private readonly done = new Map<object, Set<object>>()

  constructor(reading: Reading, at: number) {
    this.reading = reading
    this.at = at
  }

  /** `given` gets an entry for each of `expected`, whose abstract resource types `opened` are found in it by path. */
  entities(given: ReadonlyMap<string, Entity>, expected: ReadonlyMap<string, Entity>, opened: readonly Opened[], what: string): Matched {
    const resources = new Map<Resource, Resource>()
    for (const { resource, path } of opened) {
      this.reading.spend(this.at, path.length)
      const found = follow(given, path)
      if (found?.kind === 'type' && found.named.kind === 'resource') resources.set(resource, found.named.resource)
    }
    const substitution = new Substitution(this.reading, this.at, resources)
    const names = new Map<StaticType, StaticType>()
    for (const [name, entity] of expected) {
      const got = given.get(name)
      if (got === undefined) throw invalid(this.at, `expected ${what} \`${name}\`, got none of that name`)
      this.entity(got, substitution.entity(entity), `${what} \`${name}\``)
      this.noteNames(got, entity, names)
    }
    return { resources, names }
  }

  /** What the expected type calls by one name, the given one may call by another: the one that visibility is about. */
  private noteNames(given: Entity, expected: Entity, names: Map<StaticType, StaticType>): void {
    this.reading.spend(this.at)
    if (given.kind === 'type' && expected.kind === 'type') {
      if (given.named !== expected.named) names.set(expected.named, given.named)
    } else if (given.kind === 'instance' && expected.kind === 'instance') {
      if (given.type === expected.type || names.has(expected.type)) return
      names.set(expected.type, given.type)
      for (const [name, entity] of expected.type.exports) {
        const got = given.type.exports.get(name)
        if (got !== undefined) this.noteNames(got, entity, names)
      }
    }
  }

  /** One import, export or argument. */
  entity(given: Entity, expected: Entity, what: string): void {
    this.reading.spend(this.at)
    if (given.kind === 'type' && expected.kind === 'type') return this.type(given.named, expected.named, what)
    if (given.kind === 'func' && expected.kind === 'func') return this.function(given.type, expected.type, what)
    if (given.kind === 'instance' && expected.kind === 'instance') return this.instance(given.type, expected.type, what)
    if (given.kind === 'component' && expected.kind === 'component') return this.component(given.type, expected.type, what)
    if (given.kind === 'module' && expected.kind === 'module') {
      this.reading.spend(this.at, given.type.imports.length + expected.type.imports.length + expected.type.exports.size)
      return checkModuleType(given.type, expected.type, { what, at: this.at })
    }
    throw this.mismatch(what, expected.kind, given.kind)
  }

  private type(given: StaticType, expected: StaticType, what: string): void {
    if (given === expected) return
    if (given.kind === 'resource' && expected.kind === 'resource') {
      if (given.resource !== expected.resource) throw this.mismatch(what, 'one resource type', 'another')
    } else if (given.kind === 'value' && expected.kind === 'value') this.value(given, expected, what)
    else this.larger(given, expected, what)
  }

  private larger(given: StaticType, expected: StaticType, what: string): void {
    if (given.kind === 'func' && expected.kind === 'func') this.function(given, expected, what)
    else if (given.kind === 'instance' && expected.kind === 'instance') this.instance(given, expected, what)
    else if (given.kind === 'component' && expected.kind === 'component') this.component(given, expected, what)
    else throw this.mismatch(what, `a type of kind ${describeType(expected)}`, `one of kind ${describeType(given)}`)
  }

  private function(given: FunctionNode, expected: FunctionNode, what: string): void {
    if (this.known(given, expected)) return
    if (given.params.length !== expected.params.length) {
      throw this.mismatch(what, `a function of ${expected.params.length} parameters`, `one of ${given.params.length}`)
    }
    expected.params.forEach(({ name, type }, nth) => {
      const param = given.params[nth]
      if (param?.name !== name) throw this.mismatch(what, `parameter \`${name}\``, `\`${param?.name}\``)
      this.value(param.type, type, `parameter \`${name}\` of ${what}`)
    })
    this.optional(given.result, expected.result, `the result of ${what}`)
    this.note(given, expected)
  }

  private instance(given: InstanceNode, expected: InstanceNode, what: string): void {
    if (this.known(given, expected)) return
    this.entities(given.exports, expected.exports, expected.opens, `${what} with export`)
    this.note(given, expected)
  }

  /** Imports the other way round: what is expected brings them. */
  private component(given: ComponentNode, expected: ComponentNode, what: string): void {
    if (this.known(given, expected)) return
    const { resources } = this.entities(expected.imports, given.imports, given.needs, `${what} with import`)
    const exports = new Substitution(this.reading, this.at, resources).entities(given.exports)
    this.entities(exports, expected.exports, expected.opens, `${what} with export`)
    this.note(given, expected)
  }

  private optional(given: ValueNode | undefined, expected: ValueNode | undefined, what: string): void {
    if (given === undefined && expected === undefined) return
    if (given === undefined || expected === undefined) {
      throw this.mismatch(what, expected === undefined ? 'no type' : expected.shape.kind, given === undefined ? 'none' : given.shape.kind)
    }
    this.value(given, expected, what)
  }

  private value(given: ValueNode, expected: ValueNode, what: string): void {
    if (this.known(given.shape, expected.shape)) return
    this.reading.spend(this.at)
    this.shapes(given.shape, expected.shape, what)
    this.note(given.shape, expected.shape)
  }

  private shapes(given: Shape, expected: Shape, what: string): void {
    if (given.kind !== expected.kind) throw this.mismatch(what, expected.kind, given.kind)
    if ('of' in given && 'of' in expected && given.of.resource !== expected.of.resource) {
      throw this.mismatch(what, `${expected.kind} of one resource type`, 'of another')
    }
    const labels = labelsOf(expected)
    const others = labelsOf(given)
    const parts = partsOf(expected)
    const otherParts = partsOf(given)
    this.reading.spend(this.at, labels.length + parts.length)
    if (labels.length !== others.length || parts.length !== otherParts.length) {
      throw this.mismatch(what, `${expected.kind} of ${parts.length}`, `one of ${otherParts.length}`)
    }
    labels.forEach((name, nth) => {
      if (others[nth] !== name) throw this.mismatch(what, `${expected.kind} with \`${name}\``, `\`${others[nth]}\``)
    })
    parts.forEach((part, nth) => this.optional(otherParts[nth], part, `${labels[nth] ?? `part ${nth}`} of ${what}`))
  }

  private known(given: object, expected: object): boolean {
    return given === expected || this.done.get(given)?.has(expected) === true
  }

  private note(given: object, expected: object): void {
    const before = this.done.get(given)
    if (before === undefined) this.done.set(given, new Set([expected]))
    else before.add(expected)
  }

  private mismatch(what: string, expected: string, got: string): Error {
    return invalid(this.at, `expected ${expected} as ${what}, got ${got}`)
  }
}
