/** Defences taken out of the host: a source file (below the project's root), text in it, and what stands there instead. */
export type Weakening = readonly (readonly [file: string, defence: string, without: string])[]

/** A test that shows an attack held off, and the host it must fail against. */
export interface Proof {
  /** Below `test/`. */
  readonly test: string
  /** The beginning of the names of the tests, as `vitest -t` matches them. */
  readonly named: string
  /** Undefined where a defence cannot be taken out of the running host by its source alone; then `because` says how it was seen to bite. */
  readonly without?: Weakening
  readonly because?: string
}

/** One line of what attackers try. */
export interface Attack {
  readonly id: string
  readonly tries: string
  readonly proofs: readonly Proof[]
}

export const attacks: readonly Attack[] = [
  {
    id: 'A1',
    tries: 'links that lead out of a mount',
    proofs: [
      {
        test: 'attacks/files/escapes.test.ts',
        named: 'a link in the middle is walked inside the mount or not at all, followed or not',
        without: [
          ['src/host/providers/fs/walk.ts', 'O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW', 'O_PATH | constants.O_DIRECTORY'],
        ],
      },
    ],
  },
]

/** The name of each weakening: the attack's id and the proof's number in it. */
export const weakenings: readonly { readonly name: string; readonly attack: Attack; readonly proof: Proof }[] = attacks.flatMap((attack) =>
  attack.proofs
    .map((proof, index) => ({ name: `${attack.id}.${index + 1}`, attack, proof }))
    .filter(({ proof }) => proof.without !== undefined),
)

/** The weakening of a name. Throws for one that is not there. */
export const weakeningOf = (name: string): Weakening => {
  const without = weakenings.find((each) => each.name === name)?.proof.without
  if (without === undefined) throw new Error(`expected the name of a weakening such as A1.1, got \`${name}\``)
  return without
}
