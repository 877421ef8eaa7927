import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.12'

/** The environment variables granted to this run. */
export const environment = (): Readonly<Record<string, string>> =>
  Object.assign(Object.create(null), Object.fromEntries(getEnvironment())) as Record<string, string>

/** The arguments after `--`. */
export const programArguments = (): readonly string[] => getArguments()
