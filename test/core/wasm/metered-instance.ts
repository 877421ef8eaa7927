import { meterExports, meterImports, meterModule } from '#core/wasm/meter-names.ts'

import { engine, instantiate, type Global, type Imports, type Instance } from './engine.ts'

/** How the host side of metering behaves in a test. */
export interface MeterOptions {
  /** Units a refill gives. */
  readonly slice: number
  /** Units in all; past them `refill` traps the guest. */
  readonly budget?: number
  readonly admitMemory?: (pages: number) => boolean
  readonly admitTable?: (elements: number) => boolean
  /** Pages globals of the memories that the module may import. */
  readonly pages?: Global
  /** Answers 0 every other time, so that the guest calls `yield`. */
  readonly yields?: () => void
}

/** The host's end of metering: what a cell does, in the plainest form. */
export class Meter {
  given = 0
  refills = 0
  private readonly options: MeterOptions
  private yielded = false
  private slice: Global | undefined

  constructor(options: MeterOptions) {
    this.options = options
  }

  imports(): Record<string, unknown> {
    const { admitMemory = () => true, admitTable = () => true, pages, yields } = this.options
    return {
      [meterImports.refill]: () => this.refill(),
      [meterImports.yield]: () => {
        this.yielded = true
        yields?.()
      },
      [meterImports.growMemory]: (delta: number) => Number(admitMemory(delta)),
      [meterImports.growTable]: (delta: number) => Number(admitTable(delta)),
      ...(pages === undefined ? {} : { [meterImports.memoryPages]: pages }),
    }
  }

  instantiate(bytes: Uint8Array, imports: Imports = {}): Instance {
    const instance = instantiate(bytes, { ...imports, [meterModule]: this.imports() })
    const slice = instance.exports[meterExports.slice]
    if (slice instanceof engine.Global) this.slice = slice
    return instance
  }

  /** Exact fuel of the instance. */
  used(): number {
    return this.given - Number(this.slice?.value ?? 0)
  }

  private refill(): number {
    this.refills++
    const { slice, budget = Infinity, yields } = this.options
    if (this.given >= budget) return -1
    if (yields !== undefined && !this.yielded) return 0
    this.yielded = false
    this.given += slice
    return slice
  }
}
