import type { ExportedFunction } from '#core/artifact.ts'
import type { Imports, Instance, Linked, Linker, MeterHooks } from '#cell/link/linker.ts'
import { DeclaredError, LinkTrap } from '#cell/link/linker.ts'
import type { GuestImports } from './adapters/memory-world.ts'
import type { TestArtifact } from './component-of.ts'

/** What a program of a {@link ScriptedLinker} has in the place of a memory and of imports. */
export interface Guest {
  readonly imports: GuestImports
  /** Its memory, which a reset empties. */
  readonly kept: string[]
  work(fuel: number): void
  grow(pages: number): boolean
}

export type Program = (guest: Guest, ...args: readonly unknown[]) => unknown

/** Ends a program with its declared error. */
export class Failure extends Error {
  readonly payload: unknown
  constructor(payload: unknown) {
    super('declared')
    this.payload = payload
  }
}

const startPages = 2
const startFuel = 100
const pageBytes = 65_536

/**
 * The linker's port with programs of the test in the place of wasm, so that tests see what becomes of each instance: the rules are those
 * that `cell/link/linker.ts` states.
 */
export class ScriptedLinker implements Linker {
  readonly instances: ScriptedInstance[] = []
  readonly #programs: Readonly<Record<string, Program>>
  /** Whether instances can be reset. */
  resets = true
  startPages = startPages

  constructor(programs: Readonly<Record<string, Program>>) {
    this.#programs = programs
  }

  /** What to load so that the cell links with this. */
  get artifact(): TestArtifact {
    const exports = Object.keys(this.#programs).map((call): ExportedFunction => ({ path: [call], call, kind: 'plain' }))
    return { linking: 'component', component: new Uint8Array(), exports }
  }

  link(): Promise<Linked> {
    return Promise.resolve({
      instantiate: async (imports: Imports, hooks: MeterHooks) => {
        const instance = new ScriptedInstance(this, this.#programs, imports)
        instance.serve(hooks)
        this.instances.push(instance)
        return Promise.resolve(instance)
      },
    })
  }

  /** Of each instance made: whether it was ended. */
  get ended(): boolean[] {
    return this.instances.map(({ endedBy }) => endedBy !== undefined)
  }
}

class ScriptedInstance implements Instance {
  readonly #linker: ScriptedLinker
  readonly #programs: Readonly<Record<string, Program>>
  readonly #imports: Imports
  readonly #kept: string[] = []
  #hooks: MeterHooks | undefined
  #fuel = 0
  #pages = 0
  #peakPages = 0
  #realPages = 0
  #running = false
  #broken = false
  endedBy: Error | undefined
  resets = 0

  constructor(linker: ScriptedLinker, programs: Readonly<Record<string, Program>>, imports: Imports) {
    this.#linker = linker
    this.#programs = programs
    this.#imports = imports
  }

  async call([name = '']: readonly string[], args: readonly unknown[]): Promise<unknown> {
    if (this.#broken || this.#running) throw new LinkTrap('broken', 'poisoned')
    const guest: Guest = {
      imports: this.#imports as unknown as GuestImports,
      kept: this.#kept,
      work: (fuel) => this.#work(fuel),
      grow: (pages) => this.#grow(pages),
    }
    this.#running = true
    try {
      return await this.#programs[name]?.(guest, ...args)
    } catch (error) {
      if (error instanceof Failure) throw new DeclaredError(error.payload)
      this.#broken = true
      throw error
    } finally {
      this.#running = false
    }
  }

  reset(): boolean {
    this.#hooks = undefined
    if (this.#broken || this.#running || !this.#linker.resets) return false
    this.#kept.length = 0
    this.#pages = 0
    this.resets++
    return true
  }

  serve(hooks: MeterHooks): void {
    this.#hooks = hooks
    this.#fuel = 0
    this.#peakPages = 0
    if (!this.#grow(this.#linker.startPages)) throw new LinkTrap('the memories start larger than is allowed', 'link')
    this.#work(startFuel)
  }

  end(reason: Error): void {
    this.endedBy ??= reason
    this.#broken = true
  }

  fuelUsed(): number {
    return this.#fuel
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.#pages * pageBytes, peakBytes: this.#peakPages * pageBytes }
  }

  /** What its memory takes: a reset makes none of it smaller. */
  get realBytes(): number {
    return this.#realPages * pageBytes
  }

  #work(fuel: number): void {
    this.#fuel += fuel
    const answer = this.#hooks?.refill(false, this.#fuel)
    if (answer === 'stop' || answer === undefined) throw new LinkTrap('stopped', 'over')
  }

  #grow(pages: number): boolean {
    if (this.#hooks?.growMemory(pages) !== true) return false
    this.#pages += pages
    this.#peakPages = Math.max(this.#peakPages, this.#pages)
    this.#realPages = Math.max(this.#realPages, this.#pages)
    return true
  }
}
