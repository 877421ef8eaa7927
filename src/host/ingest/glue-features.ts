import type { AnyNode, Program } from 'acorn'
import { CordonError } from '#core/errors.ts'
import { identifierName, visitTree } from './syntax-tree.ts'

/** What the generated code has for features of the component model that cells cannot contain yet, and how to say so. */
const refusals: readonly { readonly marks: (node: AnyNode) => boolean; readonly message: string }[] = [
  {
    // Its destructors would run whenever the garbage collector likes, outside of any call that is metered.
    marks: (node) => identifierName(node) === 'FinalizationRegistry',
    message: 'the component defines resources of its own; expected it to use only those that it imports',
  },
]

/** Refuses, by name, what the generated code shows the component to use. Throws CordonError `component.unsupported`. */
export const checkFeatures = (tree: Program): void => {
  visitTree(tree, (node) => {
    const refusal = refusals.find(({ marks }) => marks(node))
    if (refusal !== undefined) throw new CordonError('component.unsupported', refusal.message)
  })
}
