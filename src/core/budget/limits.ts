/**
 * The quotas of one session, compiled: plain numbers with the unit in the name.
 * Effective limit = the smallest of what the bundle asks, what policy grants and the host's ceiling.
 */
export interface Limits {
  /** Wall time of the session, time inside host functions included. */
  readonly timeoutMs: number
  /** Time on a CPU. */
  readonly cpuTimeMs: number
  /** Metered instructions, about one a unit (see `core/wasm/rewrite-core.ts`); exact unless the cell was breached. A second of CPU time burns 7 G in tight loops, 45 G in an interpreter. */
  readonly fuel: number
  /** All linear memories of the component together. */
  readonly memoryBytes: number
  /** Elements of all tables of the component together. */
  readonly tableElements: number
  /** What stdout and stderr keep together; what is past it is discarded and `truncated` is set. */
  readonly outputBytes: number
  /** Capability calls, denied ones included; one more ends the session. */
  readonly calls: number
  /** Bytes sent out through capabilities. */
  readonly egressBytes: number
  /** Bytes brought in through capabilities. */
  readonly ingressBytes: number
  /** Host resources open at one time. */
  readonly handles: number
}

const MiB = 1024 * 1024

/**
 * What a session gets when neither bundle nor policy says: enough for a small agent, nothing that hurts a laptop. Fuel is more than
 * the CPU time lets anyone burn: it is there for those who want runs to end at the same instruction everywhere.
 */
export const defaultLimits: Limits = {
  timeoutMs: 30_000,
  cpuTimeMs: 10_000,
  fuel: 1_000_000_000_000,
  memoryBytes: 128 * MiB,
  tableElements: 100_000,
  outputBytes: MiB,
  calls: 1000,
  egressBytes: 16 * MiB,
  ingressBytes: 64 * MiB,
  handles: 256,
}

/** What no bundle and no policy may exceed unless the embedder raises it. */
export const ceilingLimits: Limits = {
  timeoutMs: 3_600_000,
  cpuTimeMs: 3_600_000,
  fuel: 1_000_000_000_000_000,
  memoryBytes: 2048 * MiB,
  tableElements: 10_000_000,
  outputBytes: 64 * MiB,
  calls: 1_000_000,
  egressBytes: 10_240 * MiB,
  ingressBytes: 10_240 * MiB,
  handles: 4096,
}

/** The names of all limits, in the order people see them. */
export const limitNames = Object.keys(defaultLimits) as readonly (keyof Limits)[]

/** The element-wise smallest of the layers that say something; `defaults` where none does; never above `ceiling`. */
export const effectiveLimits = (
  layers: readonly Partial<Limits>[],
  defaults: Limits = defaultLimits,
  ceiling: Limits = ceilingLimits,
): Limits => {
  const effective = { ...defaults } as Record<keyof Limits, number>
  for (const name of limitNames) {
    const said = layers.map((layer) => layer[name]).filter((value) => value !== undefined)
    effective[name] = Math.min(ceiling[name], ...(said.length > 0 ? said : [defaults[name]]))
  }
  return effective
}
