import type { AnyNode, Node } from 'acorn'

/** Syntax that snippets cannot use; `start` is the offset in the code. */
export class UnsupportedSyntax extends SyntaxError {
  readonly start: number
  constructor(what: string, node: Node) {
    super(`${what} is not supported here`)
    this.name = 'SyntaxError'
    this.start = node.start
  }
}

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value && 'start' in value

/** Calls `visit` with each node right below `node`, in the order of the text. */
export const visitChildren = (node: AnyNode, visit: (child: AnyNode) => void): void => {
  const children = Object.values(node).flat().filter(isNode)
  for (const child of children.toSorted((a, b) => a.start - b.start)) visit(child)
}
