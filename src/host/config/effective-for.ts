import { createHash } from 'node:crypto'
import { ceilingLimits, type Limits } from '#core/budget/limits.ts'
import { checkLimits } from '#core/budget/parse-limits.ts'
import type { Manifest } from '#core/manifest/manifest.ts'
import { effectivePolicy, type HostView } from '#core/policy/effective.ts'
import type { GrantLayer, Policy } from '#core/policy/grants.ts'
import { parseAllow } from '#core/policy/parse-policy.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import { refuseOwnFolders, resolveMountFolder } from './resolve-mount.ts'

/** All that decides about one agent's session. */
export interface EffectiveParts {
  readonly agent: {
    readonly name: string
    /** `sha256:<hex>` of the component, or empty when it is not known. */
    readonly digest: string
    readonly manifest: Pick<Manifest, 'requests' | 'limits'> | undefined
  }
  readonly policies: readonly Policy[]
  /** Grants beside the policies, the nearest to the operator's hand first. */
  readonly layers: readonly GrantLayer[]
  /** Folders that no mount may overlap: the audit log, the keys, the caches. */
  readonly ownFolders?: readonly string[]
  readonly ceiling?: Limits
  /** Limits of this run alone. */
  readonly limits?: Partial<Limits>
}

const hostWithout = (ownFolders: readonly string[]): HostView => ({
  folder: (path, origin) => {
    const real = resolveMountFolder(path, origin)
    refuseOwnFolders(real, origin, ownFolders)
    return real
  },
  variable: (name) => (Object.hasOwn(process.env, name) ? process.env[name] : undefined),
})

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

/**
 * The policy of one session: brings all layers together, looks at the mounts' folders and reads the granted variables of the host's
 * environment. Throws CordonError `mount.invalid`, `policy.invalid`, `input.invalid` (limits).
 */
export const effectiveFor = ({
  agent,
  policies,
  layers,
  ownFolders = [],
  ceiling = ceilingLimits,
  limits = {},
}: EffectiveParts): EffectivePolicy =>
  effectivePolicy({
    agent: agent.name,
    digest: agent.digest === '' ? undefined : agent.digest,
    manifest: agent.manifest,
    policies,
    layers,
    limits: checkLimits(limits, 'limits'),
    ceiling,
    sha256,
    host: hostWithout(ownFolders),
  })

/** Reads an embedder's `allow` option: one agent's entry of a policy, host paths relative to the working folder. Throws CordonError `grant.invalid`. */
export const parseAllowOption = (allow: unknown): GrantLayer => parseAllow(allow, 'allow', { folder: process.cwd() })
