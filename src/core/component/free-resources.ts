import { invalid, type Reading } from './reading.ts'
import { partsOf } from './shapes.ts'
import type { Entity, Opened, Resource, StaticType, ValueNode } from './static-types.ts'

/** Collects resource types of types: those they use, and those that are their own to choose. */
class ResourceWalk {
  readonly used = new Set<Resource>()
  readonly own = new Set<Resource>()
  private readonly seen = new Set<object>()
  private readonly reading: Reading
  private readonly at: number

  constructor(reading: Reading, at: number) {
    this.reading = reading
    this.at = at
  }

  type(type: StaticType): void {
    if (this.seen.has(type)) return
    this.seen.add(type)
    this.reading.spend(this.at)
    switch (type.kind) {
      case 'resource':
        return void this.used.add(type.resource)
      case 'value':
        return this.value(type)
      case 'func':
        this.reading.spend(this.at, type.params.length)
        for (const param of type.params) this.value(param.type)
        return type.result === undefined ? undefined : this.value(type.result)
      case 'instance':
        this.opened(type.opens)
        return this.entities(type.exports)
      case 'component':
        this.opened(type.needs)
        this.opened(type.opens)
        this.entities(type.imports)
        return this.entities(type.exports)
    }
  }

  private value(node: ValueNode): void {
    if (!node.facts.handles || this.seen.has(node.shape)) return
    this.seen.add(node.shape)
    this.reading.spend(this.at)
    if ('of' in node.shape) this.used.add(node.shape.of.resource)
    const parts = partsOf(node.shape)
    this.reading.spend(this.at, parts.length)
    for (const part of parts) if (part !== undefined) this.value(part)
  }

  private opened(opened: readonly Opened[]): void {
    for (const { resource } of opened) this.own.add(resource)
  }

  entities(entities: ReadonlyMap<string, Entity>): void {
    this.reading.spend(this.at, entities.size)
    for (const entity of entities.values()) {
      if (entity.kind === 'type') this.type(entity.named)
      else if (entity.kind !== 'module') this.type(entity.type)
    }
  }
}

/** Throws WasmError when an import needs a resource type that is `chosenHere`: there is none yet when imports are given. */
export const checkImportedResources = (
  imports: ReadonlyMap<string, Entity>,
  chosenHere: (resource: Resource) => boolean,
  reading: Reading,
  at: number,
): void => {
  const walk = new ResourceWalk(reading, at)
  walk.entities(imports)
  for (const resource of walk.used) {
    if (!walk.own.has(resource) && chosenHere(resource)) {
      throw invalid(at, 'expected imports about imported resource types, got one about a resource type that is made or exported here')
    }
  }
}

/** Types do not change: one that many aliases name is walked once. */
const answers = new WeakMap<StaticType, boolean>()

/** True when `type` means resource types that are defined or imported around it: it means nothing in another component. */
export const refersToResources = (type: StaticType, reading: Reading, at: number): boolean => {
  const before = answers.get(type)
  if (before !== undefined) return before
  const walk = new ResourceWalk(reading, at)
  walk.type(type)
  const free = [...walk.used].some((resource) => !walk.own.has(resource))
  answers.set(type, free)
  return free
}

/** The resource types among `exports`, by the first path that leads to each, without those in `known`. */
export const resourcesIn = (
  exports: ReadonlyMap<string, Entity>,
  known: readonly Opened[],
  reading: Reading,
  at: number,
): readonly Opened[] => {
  const seen = new Set<object>(known.map(({ resource }) => resource))
  const found: Opened[] = []
  const walk = (entities: ReadonlyMap<string, Entity>, path: readonly string[]): void => {
    for (const [name, entity] of entities) {
      reading.spend(at)
      if (entity.kind === 'instance' && !seen.has(entity.type)) {
        seen.add(entity.type)
        walk(entity.type.exports, [...path, name])
      } else if (entity.kind === 'type' && entity.named.kind === 'resource' && !seen.has(entity.named.resource)) {
        seen.add(entity.named.resource)
        found.push({ resource: entity.named.resource, path: [...path, name] })
      }
    }
  }
  walk(exports, [])
  return found
}
