import { abiAttacks } from './abi-attacks.ts'
import type { Attack, Proof, Weakening } from './attack.ts'
import { fileAttacks } from './file-attacks.ts'
import { httpAttacks } from './http-attacks.ts'
import { isolationAttacks } from './isolation-attacks.ts'
import { networkAttacks } from './network-attacks.ts'
import { policyAttacks } from './policy-attacks.ts'
import { recordAttacks } from './record-attacks.ts'
import { resourceAttacks } from './resource-attacks.ts'
import { secretAttacks } from './secret-attacks.ts'
import { serviceAttacks } from './service-attacks.ts'
import { serveAttacks } from './serve-attacks.ts'
import { socketAttacks } from './socket-attacks.ts'
import { storeAttacks } from './store-attacks.ts'

/** Everything that is tried against this host, line by line. */
export const attacks: readonly Attack[] = [
  ...fileAttacks,
  ...isolationAttacks,
  ...networkAttacks,
  ...httpAttacks,
  ...secretAttacks,
  ...policyAttacks,
  ...resourceAttacks,
  ...recordAttacks,
  ...socketAttacks,
  ...serveAttacks,
  ...serviceAttacks,
  ...storeAttacks,
  ...abiAttacks,
]

interface Named {
  /** The attack's id and the proof's number in it, e.g. `A1.2`. */
  readonly name: string
  readonly attack: Attack
  readonly proof: Proof
}

/** The weakenings by name. */
export const weakenings: readonly Named[] = attacks.flatMap((attack) =>
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
