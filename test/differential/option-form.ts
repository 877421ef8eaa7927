import type { ValueType } from '#core/component/component-plan.ts'

/**
 * Whether jco's convention tells none and some of this option apart by a tag: when `undefined` could be a value of it. As the types say that jco writes,
 * `option<option<u8>>` is `Option<number | undefined>`, and an option of that is `Option<number | undefined> | undefined` again.
 */
export const isTaggedOption = (some: ValueType): boolean => some.kind === 'option' && !isTaggedOption(some.some)
