const at = (row: readonly number[], column: number): number => row[column] ?? Infinity

/** Edits (insert, remove, replace, swap of neighbours) that turn one word into the other. */
const distance = (from: string, to: string): number => {
  let beforePrevious: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = from[row - 1] === to[column - 1] ? 0 : 1
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const bySwap = swapped ? at(beforePrevious, column - 2) + 1 : Infinity
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + replaced, bySwap))
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, to.length)
}

/** The known word that the given one was probably meant to be; `undefined` when none is near. */
export const didYouMean = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > 64) return undefined
  const lower = word.toLowerCase()
  const [nearest] = known
    .map((name) => ({ name, edits: distance(lower, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(Math.min(name.length, word.length) / 3)))
    .sort((a, b) => a.edits - b.edits)
  return nearest?.name
}
