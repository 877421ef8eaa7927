import { use } from 'cordon:agent/secrets@0.1.0'

import { errorCase } from './engine.ts'

/** Why a secret cannot be used: `denied`, `unknown` or `unavailable`. */
export class SecretError extends Error {
  readonly code: string
  constructor(code: string, name: string) {
    super(`${code}: secret \`${name}\``)
    this.name = 'SecretError'
    this.code = code
  }
}

/**
 * A placeholder for the secret, to put where the secret belongs, say into a request header; the host exchanges it on
 * the way out. The secret itself never comes here.
 *
 * @throws SecretError
 */
export const useSecret = (name: string): string => {
  try {
    return use(name)
  } catch (error) {
    const code = errorCase(error)
    if (code === undefined) throw error
    throw new SecretError(code, name)
  }
}
