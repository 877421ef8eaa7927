import process from 'node:process'
import { CordonError } from '#core/errors.ts'
import type { IsolationLevel, Posture } from './cell-port.ts'
import { createLauncher } from './launcher.ts'
import { findTrustedTool } from './trusted-tool.ts'

/** All levels, weakest first. */
export const isolationLevels: readonly IsolationLevel[] = ['thread', 'process', 'bwrap']

/** Whether a level can be had on this machine: a cell of it was started and measured, or was not to be had. */
export interface LevelProof {
  readonly level: IsolationLevel
  readonly ok: boolean
  /** What was measured; missing when it could not be started. */
  readonly posture?: Posture
  /** Why it cannot be had. */
  readonly reason?: string
  /** One line that says what would make it better. */
  readonly advice?: string
}

/** The level that was chosen, with one line of advice when it is below the strongest. */
export interface ChosenLevel {
  readonly level: IsolationLevel
  readonly advice?: string
}

const probeMemoryBytes = 256 * 1024 * 1024
/** What each level stands without; `auto` never goes below `process`. */
const weakness: Readonly<Record<IsolationLevel, string | undefined>> = {
  thread: 'agents run in the host process with the engine as the only wall: for agents you built yourself',
  process: "cells are held by Node's permission model alone, a seat belt and not a boundary: install bubblewrap for a real one",
  bwrap: undefined,
}

const missingTools = (level: IsolationLevel): string | undefined => {
  const searchPath = process.env['PATH'] ?? ''
  const needed = level === 'thread' ? [] : ['prlimit', ...(level === 'process' ? ['setpriv'] : [])]
  const missing = needed.filter((tool) => findTrustedTool(tool, searchPath) === undefined)
  return missing.length === 0 ? undefined : `install util-linux: \`${missing.join('` and `')}\` would hold its cells tighter`
}

const adviceFor = (level: IsolationLevel): { advice?: string } => {
  const advice = [weakness[level], missingTools(level)].filter((line) => line !== undefined).join('; ')
  return advice === '' ? {} : { advice }
}

/** A proof from the attempt to start a cell of that level. Never rejects. */
export const proofOf = async (level: IsolationLevel, attempt: () => Promise<Posture>): Promise<LevelProof> => {
  try {
    return { level, ok: true, posture: await attempt(), ...adviceFor(level) }
  } catch (error) {
    const known = error instanceof CordonError ? error : new CordonError('internal', String(error))
    return { level, ok: false, reason: known.message, ...(known.hint !== undefined && { advice: known.hint }) }
  }
}

const prove = async (level: IsolationLevel): Promise<LevelProof> => {
  let said = ''
  const listener = {
    message: (): void => {},
    diagnostic: (text: string): void => {
      said = (said + text).slice(0, 300)
    },
  }
  await using launcher = createLauncher(level)
  const proof = await proofOf(level, async () => (await launcher.launch({ memoryBytes: probeMemoryBytes, listener })).posture)
  return proof.ok || said === '' ? proof : { ...proof, reason: `${proof.reason ?? ''}: ${said.trim()}` }
}

/** A machine does not change under a running process: each level is proven once. */
const proofs = new Map<IsolationLevel, Promise<LevelProof>>()

/** Proves one level by launching it. Never rejects; the answer is kept for the life of this process. */
const proveLevel = (level: IsolationLevel): Promise<LevelProof> => {
  const known = proofs.get(level)
  if (known !== undefined) return known
  const proof = prove(level)
  proofs.set(level, proof)
  return proof
}

/** What can be had on this machine, weakest first: each level really launched and measured. */
export const detectLevels = (): Promise<readonly LevelProof[]> => Promise.all(isolationLevels.map((level) => proveLevel(level)))

const chosen = ({ level, advice }: LevelProof, instead?: LevelProof): ChosenLevel => {
  const line = instead?.advice === undefined ? advice : `${advice ?? ''} (\`${instead.level}\`: ${instead.advice})`
  return line === undefined ? { level } : { level, advice: line }
}

/** How a level is proven: by a cell that is thrown away, unless the caller has a use for it. */
export type Prove = (level: IsolationLevel) => Promise<LevelProof>

/**
 * The level to run at: the one asked for, or for `auto` the strongest that this machine proves, `thread` left out.
 * Throws CordonError `isolation.unavailable`; what was asked for is never silently replaced by less.
 */
export const chooseLevel = async (wanted: 'auto' | IsolationLevel, prove: Prove = proveLevel): Promise<ChosenLevel> => {
  if (wanted !== 'auto') {
    const proof = await prove(wanted)
    if (proof.ok) return chosen(proof)
    throw unavailable(`expected isolation \`${wanted}\`, this machine does not have it: ${proof.reason ?? ''}`, proof)
  }
  const bwrap = await prove('bwrap')
  if (bwrap.ok) return chosen(bwrap)
  const plain = await prove('process')
  if (plain.ok) return chosen(plain, bwrap)
  throw unavailable(`expected isolation \`bwrap\` or \`process\`, this machine has neither: ${plain.reason ?? ''}`, bwrap)
}

const unavailable = (message: string, { advice }: LevelProof): CordonError =>
  new CordonError('isolation.unavailable', message, { hint: advice ?? 'run `cordon doctor` to see what each level lacks here' })
