/** The members of one interface of the import object. */
export type Members = Readonly<Record<string, unknown>>

type Constructor = abstract new (...args: never[]) => object

/**
 * Closes a resource class for good. Member names come from the component: with no prototype above it, one that
 * the interface does not have (`to-string`, `value-of`, `[static]fields.call`) finds nothing instead of something of JavaScript's.
 * The resource objects themselves stay open: the glue keeps its handle on them.
 */
export const sealClass = <C extends Constructor>(resource: C): C => {
  const prototype: unknown = resource.prototype
  if (typeof prototype !== 'object' || prototype === null) throw new TypeError('expected a class')
  Reflect.deleteProperty(prototype, 'constructor')
  Object.freeze(Object.setPrototypeOf(prototype, null))
  return Object.freeze(Object.setPrototypeOf(resource, null))
}

/**
 * What a guest's `new` of a resource reaches: makes instances by `construct`, passes `instanceof` for all of `resource`, and
 * has `statics`. A function a session is far cheaper than a class a session.
 */
export const guestConstructor = (resource: Constructor, construct: (argument: unknown) => object, statics: Members = {}): unknown => {
  const constructor = function (argument: unknown): object {
    return construct(argument)
  }
  constructor.prototype = resource.prototype
  return Object.freeze(Object.setPrototypeOf(Object.assign(constructor, statics), null))
}

/** An interface of the import object: its members, nothing inherited, nothing to change. */
export const sealInterface = (members: Members): Members => Object.freeze(Object.assign(Object.create(null), members))

/**
 * The member by which adapters reach the inside of each other's resources. A symbol, because a component can name every
 * member that has a name. Getters behind it read a private field, so a forged handle throws TypeError.
 */
export const inside: unique symbol = Symbol('inside')
