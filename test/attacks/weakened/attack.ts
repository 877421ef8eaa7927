/** Defences taken out of the host: a source file (below the project's root), text in it, and what stands there instead. */
export type Weakening = readonly (readonly [file: string, defence: string, without: string])[]

/** A test that shows an attack held off, and the host it must fail against. */
export interface Proof {
  /** Below `test/`. */
  readonly test: string
  /** Part of the names of the tests, as `vitest -t` takes it (a regular expression). */
  readonly named: string
  /** Undefined where a defence cannot be taken out of the host under test by its source; then `because` says how it was seen to bite. */
  readonly without?: Weakening
  /** The defence is in a program of its own, a thread or a child, which the loader of the tests does not reach: the tests run in a copy of the project. */
  readonly inCopy?: true
  readonly because?: string
}

/** One line of what attackers try. */
export interface Attack {
  readonly id: string
  readonly tries: string
  readonly proofs: readonly Proof[]
}
