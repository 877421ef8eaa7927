import type { ComponentPlan, FunctionType, RootExport, RootImport, ValueType } from '#core/component/component-plan.ts'
import { lowerCamel, upperCamel } from '#core/component/js-names.ts'
import type { Imports } from '#cell/link/linker.ts'
import { WitError } from '#cell/adapters/wit-error.ts'
import { isTaggedOption } from '../differential/option-form.ts'
import { pickFrom, type Pick } from '../differential/seeded-pick.ts'

const memberName = /^\[(method|static|constructor)\]([^.]+)(?:\.(.+))?$/
const maxDepth = 8

const typedArrays = {
  s8: Int8Array,
  u8: Uint8Array,
  s16: Int16Array,
  u16: Uint16Array,
  s32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const

const strings = ['', 'a', 'ÿ', '€', '😀', 'x'.repeat(5000), '\0', '￿']

const named = <T extends { readonly name: string }>(members: readonly T[], valueOf: (member: T) => unknown): object =>
  Object.fromEntries(members.map((each) => [lowerCamel(each.name), valueOf(each)]))

/** A host that gives values of the types it is asked for, drawn from `pick`; one in some hundred is wrong. */
export class FuzzHost {
  readonly #plan: ComponentPlan
  readonly #pick: Pick
  readonly #classes = new Map<string, new () => object>()
  /** Resources of the guest that it gave away, by type. */
  readonly #held = new Map<number, unknown[]>()
  /** Whether it has given something else than the type, so that errors of its own are to be expected. */
  wasWrong = false

  constructor(plan: ComponentPlan, pick: Pick) {
    this.#plan = plan
    this.#pick = pick
  }

  /** All that the component imports. */
  imports(): Imports {
    const interfaces: Record<string, unknown> = Object.create(null) as Record<string, unknown>
    for (const each of this.#plan.imports) {
      const key = each.name.replace(/@.*$/, '')
      const members = (interfaces[key] ??= Object.create(null)) as Record<string, unknown>
      if (each.kind === 'func') interfaces[key] = { default: this.#function(each.functions[0]?.type) }
      else this.#fill(members, each)
    }
    return interfaces as Imports
  }

  /** Values for the parameters of `type`. */
  argumentsOf(type: FunctionType): readonly unknown[] {
    return type.params.map((param) => this.valueOf(param.type))
  }

  /** Remembers the resources in what a guest gave. */
  keep(type: ValueType | undefined, value: unknown): void {
    if (type?.kind !== 'own') return
    this.#held.set(type.resource, [...(this.#held.get(type.resource) ?? []), value])
  }

  /** A value of `type`, or, seldom, of none. */
  valueOf(type: ValueType, depth = 0): unknown {
    return this.#pick(300) === 0 ? this.#wrong() : this.#right(type, depth)
  }

  #wrong(): unknown {
    this.wasWrong = true
    return pickFrom([undefined, null, 5, -1, 2 ** 40, 'x', '\ud800', {}, [], { tag: 'none' }, () => 0], this.#pick)
  }

  #right(type: ValueType, depth: number): unknown {
    if (type.kind === 'list') return this.#list(type.element, depth)
    if (type.kind === 'own' || type.kind === 'borrow') return this.#resource(type.resource)
    if (type.kind === 'variant' || type.kind === 'option' || type.kind === 'result') return this.#case(type, depth)
    if (type.kind === 'enum') return pickFrom(type.names, this.#pick)
    if (type.kind === 'tuple') return type.items.map((item) => this.valueOf(item, depth + 1))
    if (type.kind === 'record') return named(type.fields, (field) => this.valueOf(field.type, depth + 1))
    if (type.kind === 'flags')
      return named(
        type.names.map((name) => ({ name })),
        () => this.#pick(2) === 0,
      )
    return this.#primitive(type.kind)
  }

  #list(element: ValueType, depth: number): unknown {
    const length = depth > maxDepth ? 0 : this.#pick(4)
    const values = Array.from({ length }, () => this.valueOf(element, depth + 1))
    const typed = Object.entries(typedArrays).find(([kind]) => kind === element.kind)?.[1]
    return typed === undefined || this.wasWrong ? values : typed.from(values as number[])
  }

  #case(type: ValueType & { readonly kind: 'variant' | 'option' | 'result' }, depth: number): unknown {
    const isPresent = this.#pick(2) === 0 && depth < maxDepth
    if (type.kind === 'option') {
      const val = isPresent ? this.valueOf(type.some, depth + 1) : undefined
      if (!isTaggedOption(type.some)) return val
      return isPresent ? { tag: 'some', val } : { tag: 'none' }
    }
    const cases =
      type.kind === 'result'
        ? [
            { name: 'ok', type: type.ok },
            { name: 'err', type: type.error },
          ]
        : type.cases
    const { name, type: inner } = pickFrom(cases, this.#pick)
    return inner === undefined ? { tag: name } : { tag: name, val: this.valueOf(inner, depth + 1) }
  }

  #primitive(kind: string): unknown {
    const pick = this.#pick
    const [, sign = '', bits = ''] = /^([su])(\d+)$/.exec(kind) ?? []
    if (bits === '64') return BigInt.asUintN(sign === 's' ? 63 : 64, BigInt(pick(2 ** 31)) * BigInt(pick(2 ** 31)) * 4n)
    if (bits !== '') return pickFrom([0, 1, 2 ** (Number(bits) - (sign === 's' ? 1 : 0)) - 1, pick(2 ** (Number(bits) - 1))], pick)
    if (kind === 'bool') return pick(2) === 0
    if (kind === 'char') return pickFrom(['a', 'ÿ', '€', '😀'], pick)
    return kind === 'string' ? pickFrom(strings, pick) : pickFrom([0, -0, 0.5, Number.NaN, -Infinity, 16_777_216], pick)
  }

  #resource(index: number): unknown {
    const plan = this.#plan.resources[index]
    if (plan?.from === 'import') {
      const made = this.#classes.get(`${plan.import} ${plan.name}`)
      if (made !== undefined) return new made()
    }
    const held = this.#held.get(index) ?? []
    this.wasWrong = true
    return held.length > 0 ? pickFrom(held, this.#pick) : {}
  }

  #function(type: FunctionType | undefined): () => unknown {
    return () => {
      if (type?.result === undefined) return undefined
      const value = this.valueOf(type.result)
      if (type.result.kind !== 'result' || typeof value !== 'object' || value === null || !('tag' in value)) return value
      const val = 'val' in value ? value.val : undefined
      if (value.tag === 'err') throw new WitError(val)
      return val
    }
  }

  #fill(members: Record<string, unknown>, from: RootImport): void {
    const index = this.#plan.imports.indexOf(from)
    for (const { name } of from.resources) members[upperCamel(name)] = this.#classFor(index, name)
    for (const { name, type } of from.functions) {
      const [, kind, resource = '', member = ''] = memberName.exec(name) ?? []
      const run = this.#function(type)
      if (kind === undefined) members[lowerCamel(name)] = run
      const owner = members[upperCamel(resource)] as { readonly prototype: object } | undefined
      if (kind === 'static') Object.defineProperty(owner ?? {}, lowerCamel(member), { value: run, configurable: true })
      if (kind === 'method') Object.defineProperty(owner?.prototype ?? {}, lowerCamel(member), { value: run, configurable: true })
    }
  }

  #classFor(index: number, name: string): new () => object {
    const key = `${index} ${name}`
    const made =
      this.#classes.get(key) ??
      class HostThing {
        readonly of = name
      }
    this.#classes.set(key, made)
    return made
  }
}

/** An exported function and how it is reached. */
export interface Reachable {
  readonly path: readonly string[]
  readonly type: FunctionType
}

/** The functions that a plan exports, by their JavaScript paths. */
export const reachable = (
  plan: ComponentPlan,
  exports: readonly RootExport[] = plan.exports,
  path: readonly string[] = [],
): readonly Reachable[] =>
  exports.flatMap((each) => {
    if (each.kind === 'instance') return reachable(plan, each.exports, [...path, each.name])
    const type = each.kind === 'func' ? plan.functions[each.function]?.type : undefined
    if (type === undefined) return []
    const [, kind, resource = '', member = ''] = memberName.exec(each.name) ?? []
    if (kind === undefined) return [{ path: [...path, lowerCamel(each.name)], type }]
    return [{ path: [...path, upperCamel(resource), kind === 'constructor' ? 'constructor' : lowerCamel(member)], type }]
  })
