import { ByteWriter } from './byte-writer.ts'
import { section, type DecodedModule, type SectionRange } from './decoded-module.ts'

/** Sections in the order in which they stand (core spec 5.5.2), as far as a decoded module has them. */
const order = [
  section.type,
  section.import,
  section.function,
  section.table,
  section.memory,
  section.global,
  section.export,
  section.start,
  section.element,
  section.dataCount,
  section.code,
  section.data,
]

/** What is different in a copy of a module. */
export interface ModuleChanges {
  /** Sections that are written anew, by id: their count and entries. */
  readonly replaced?: ReadonlyMap<number, (out: ByteWriter) => void>
  /** One more entry at the end of a section, by id. */
  readonly appended?: ReadonlyMap<number, (out: ByteWriter) => void>
  /** Writes what takes the place of a noted range of bytes, by its kind and value (`patch-list.ts`); false for bytes that stay. */
  readonly patch: (out: ByteWriter, kind: number, value: number) => boolean
}

const nothing: SectionRange = { start: 0, end: 0, count: 0 }

/** Copies a module from front to back. */
class ModuleCopy {
  readonly out: ByteWriter
  private readonly module: DecodedModule
  private readonly changes: ModuleChanges
  private next = 0

  constructor(module: DecodedModule, changes: ModuleChanges) {
    this.module = module
    this.changes = changes
    this.out = new ByteWriter(module.bytes.length + 4096)
  }

  run(): Uint8Array {
    this.out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00])
    for (const id of order) {
      if (!this.module.sections.has(id) && this.changes.appended?.has(id) !== true) continue
      this.out.byte(id)
      this.out.prefixed(() => this.section(id))
    }
    return this.out.toBytes()
  }

  private section(id: number): void {
    const { start, end, count } = this.module.sections.get(id) ?? nothing
    const replacement = this.changes.replaced?.get(id)
    if (replacement !== undefined) return replacement(this.out)
    if (id === section.start || id === section.dataCount) return this.copy(start, end)
    const append = this.changes.appended?.get(id)
    this.out.u32(append === undefined ? count : count + 1)
    if (id === section.code) this.bodies()
    else this.copy(start, end)
    append?.(this.out)
  }

  private bodies(): void {
    const { bodies, definedFunctions } = this.module
    for (let nth = 0; nth < definedFunctions; nth++) {
      this.out.prefixed(() => this.copy(bodies[2 * nth] ?? 0, bodies[2 * nth + 1] ?? 0))
    }
  }

  private copy(start: number, end: number): void {
    const { bytes, patches } = this.module
    let from = start
    while (this.next < patches.length && patches.start(this.next) < start) this.next++
    for (; this.next < patches.length && patches.start(this.next) < end; this.next++) {
      const [first, past] = [patches.start(this.next), patches.end(this.next)]
      this.out.slice(bytes, from, first)
      from = this.changes.patch(this.out, patches.kind(this.next), patches.value(this.next)) ? past : first
    }
    this.out.slice(bytes, from, end)
  }
}

/** A decoded module as bytes, with `changes`. Custom sections are left out. */
export const copyModule = (module: DecodedModule, changes: ModuleChanges): Uint8Array => new ModuleCopy(module, changes).run()
