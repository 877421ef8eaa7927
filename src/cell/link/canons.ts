import type { CoreType, CoreValue } from './abi/compiled-type.ts'
import type { InstanceState } from './instance-state.ts'

/** What a core function that the component model makes gives: at once, or after a wait. */
export type Returned = CoreValue | undefined | Promise<CoreValue | undefined>

/** A core function that the component model makes; compiled once per component. */
export interface CompiledCanon {
  /** Whether it can wait: never, always on a stack that can suspend, or on `either` kind of stack. */
  readonly waits: 'never' | 'always' | 'either'
  readonly params: readonly CoreType[]
  readonly results: readonly CoreType[]
  /** Throws or rejects with what ends the instance. */
  run(state: InstanceState, args: readonly CoreValue[]): Returned
}
