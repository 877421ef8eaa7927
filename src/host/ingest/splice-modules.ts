import type { CoreModuleRange } from '#core/component/component-plan.ts'
import { ByteReader } from '#core/wasm/byte-reader.ts'
import { ByteWriter } from '#core/wasm/byte-writer.ts'
import { WasmError } from '#core/wasm/wasm-error.ts'

/** Section ids of a component (component model, Binary.md, `section`), as far as splicing tells them apart. */
const section = { custom: 0, coreModule: 1, component: 4 } as const
const preambleBytes = 8

/** Puts other bytes in the place of core modules, in nested components too. */
class Splice {
  readonly #component: Uint8Array
  readonly #ranges: readonly CoreModuleRange[]
  readonly #modules: readonly Uint8Array[]
  readonly #out: ByteWriter
  #next = 0

  constructor(component: Uint8Array, ranges: readonly CoreModuleRange[], modules: readonly Uint8Array[]) {
    this.#component = component
    this.#ranges = ranges
    this.#modules = modules
    this.#out = new ByteWriter(component.length + (component.length >> 3) + 4096)
  }

  run(): Uint8Array {
    this.#copyComponent(new ByteReader(this.#component))
    if (this.#next !== this.#ranges.length || this.#next !== this.#modules.length) {
      throw new WasmError('malformed', 0, `expected ${this.#modules.length} core modules, got ${this.#next}`)
    }
    return this.#out.toBytes()
  }

  #copyComponent(reader: ByteReader): void {
    this.#out.slice(reader.bytes, reader.position, reader.position + preambleBytes)
    reader.skip(preambleBytes, 'the header')
    while (!reader.done) {
      const start = reader.position
      const id = reader.byte('a section id')
      const part = reader.part(reader.u32('the size of a section'), 'a section')
      // What a custom section says is for people and tools, and a cell is neither.
      if (id === section.custom) continue
      if (id === section.coreModule) this.#module(part)
      else if (id === section.component) this.#nested(part)
      else this.#out.slice(reader.bytes, start, part.end)
    }
  }

  #nested(part: ByteReader): void {
    this.#out.byte(section.component)
    this.#out.prefixed(() => this.#copyComponent(part))
  }

  #module(part: ByteReader): void {
    const range = this.#ranges[this.#next]
    const module = this.#modules[this.#next]
    if (range?.offset !== part.position || range.length !== part.end - part.position || module === undefined) {
      throw new WasmError('malformed', part.position, 'expected a core module that the plan knows of')
    }
    this.#next += 1
    this.#out.byte(section.coreModule)
    this.#out.u32(module.length)
    this.#out.slice(module, 0, module.length)
  }
}

/**
 * The component with `modules` in the place of its core modules, which lie at `ranges`, both in the order of the binary. Custom sections are left
 * out, everything else stays as it is, nested components included. The component was read with `readComponent`: sections are
 * not checked again. Throws WasmError `malformed` when ranges and modules are not those of the component.
 */
export const spliceModules = (component: Uint8Array, ranges: readonly CoreModuleRange[], modules: readonly Uint8Array[]): Uint8Array =>
  new Splice(component, ranges, modules).run()
