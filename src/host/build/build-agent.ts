import { CordonError } from '#core/errors.ts'

/** The JavaScript engine inside a built component: `starlingmonkey` has fetch, streams and timers, `quickjs` is small. */
export type GuestEngine = 'starlingmonkey' | 'quickjs'

/** What to build and where to keep it. */
export interface BuildRequest {
  /** Absolute path of the `.ts`, `.mts`, `.js` or `.mjs` file that exports `run`. */
  readonly entry: string
  readonly engine: GuestEngine
  /** Folder for built components; made when it is not there. */
  readonly cacheDir: string
  /** Told about each step, one short line. */
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal
}

/** A built component. */
export interface BuiltAgent {
  readonly component: Uint8Array
  /** True when nothing had to be built. */
  readonly cached: boolean
  /** `sha256:<hex>` of the component. */
  readonly digest: string
}

/**
 * Builds a component that exports `cordon:agent/run` from one TypeScript or JavaScript module.
 *
 * @throws CordonError `bundle.not-found`, `bundle.build-failed` (with file, line and column), `package.missing`
 */
export const buildAgent = (request: BuildRequest): Promise<BuiltAgent> =>
  Promise.reject(new CordonError('internal', `the builder cannot build \`${request.entry}\` yet`))
