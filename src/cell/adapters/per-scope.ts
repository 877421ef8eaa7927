import type { SessionScope } from './session-scope.ts'

/** What a session has one of, made when it first asks: a memory that outlives no session and that none shares. */
export const perScope = <T extends object>(make: (scope: SessionScope) => T): ((scope: SessionScope) => T) => {
  const made = new WeakMap<SessionScope, T>()
  return (scope) => {
    const known = made.get(scope)
    if (known !== undefined) return known
    const fresh = make(scope)
    made.set(scope, fresh)
    return fresh
  }
}
