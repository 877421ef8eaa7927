import { sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'

/** `wasi:cli/environment` and `wasi:cli/exit`. */
export const processInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const exit = (code: number): Error => slot.scope.world.end({ kind: 'exit', code })
  return {
    'wasi:cli/environment': sealInterface({
      getEnvironment: (): [string, string][] => slot.scope.world.start.env.map(([name, value]) => [name, value]),
      getArguments: (): string[] => [...slot.scope.world.start.args],
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
