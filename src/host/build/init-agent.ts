import { CordonError } from '#core/errors.ts'

/** Where a new agent goes. */
export interface InitRequest {
  /** Absolute path; made when it is not there, refused when it holds anything. */
  readonly folder: string
  /** Kebab-case; the folder's name when left out. */
  readonly name?: string
}

/**
 * Writes a new TypeScript agent that builds, runs and passes its own test.
 *
 * @returns the paths written, relative to the folder
 * @throws CordonError `bundle.invalid` for a folder that is not empty or a name that is not kebab-case
 */
export const initAgent = (request: InitRequest): Promise<readonly string[]> =>
  Promise.reject(new CordonError('internal', `the template for \`${request.folder}\` is not written yet`))
