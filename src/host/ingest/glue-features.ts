import type { AnyNode, Program } from 'acorn'
import { CordonError } from '#core/errors.ts'
import { identifierName, keyName, visitTree } from './syntax-tree.ts'

/** What the generated code has for features of the component model that cells cannot contain yet, and how to say so. */
const refusals: readonly { readonly marks: (node: AnyNode) => boolean; readonly message: string }[] = [
  {
    // Its destructors would run whenever the garbage collector likes, outside of any call that is metered.
    marks: (node) => identifierName(node) === 'FinalizationRegistry',
    message: 'the component defines resources of its own; expected it to use only those that it imports',
  },
  {
    // WASI 0.3: its instances poll, and its tasks outlive the call that made them.
    marks: (node) =>
      node.type === 'Property' &&
      ['isAsync', 'funcTypeIsAsync'].includes(keyName(node.key, node.computed) ?? '') &&
      node.value.type === 'Literal' &&
      node.value.value === true,
    message: 'the component uses async functions of WASI 0.3; expected functions of WASI 0.2',
  },
]

/** Refuses, by name, what the generated code shows the component to use. Throws CordonError `component.unsupported`. */
export const checkFeatures = (tree: Program): void => {
  visitTree(tree, (node) => {
    const refusal = refusals.find(({ marks }) => marks(node))
    if (refusal !== undefined) throw new CordonError('component.unsupported', refusal.message)
  })
}
