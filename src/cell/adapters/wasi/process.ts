import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { sealInterface, type Members } from '#cell/adapters/sealed.ts'

/** `wasi:cli/environment` and `wasi:cli/exit`. */
export const processInterfaces = (scope: SessionScope): Readonly<Record<string, Members>> => {
  const { env, args } = scope.world.start
  const exit = (code: number): Error => scope.world.end({ kind: 'exit', code })
  return {
    'wasi:cli/environment': sealInterface({
      getEnvironment: (): [string, string][] => env.map(([name, value]) => [name, value]),
      getArguments: (): string[] => [...args],
      initialCwd: (): undefined => undefined,
    }),
    'wasi:cli/exit': sealInterface({
      exit: (status: { readonly tag: string }): never => {
        throw exit(status.tag === 'ok' ? 0 : 1)
      },
      exitWithCode: (code: number): never => {
        throw exit(code)
      },
    }),
  }
}
