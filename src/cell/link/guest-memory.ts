import type { CoreGlobal } from './engine.ts'

const pageBytes = 65_536

/** The engine's memory, as far as it is used here. */
export interface CoreMemory {
  readonly buffer: ArrayBuffer
}

/** One linear memory as its guest sees it. Growing takes the buffer away, so views are made anew when they have to be. */
export class GuestMemory {
  readonly #memory: CoreMemory
  /** Undefined in a module that was not rewritten. */
  readonly #pages: CoreGlobal | undefined
  #bytes = new Uint8Array(0)
  #view = new DataView(new ArrayBuffer(0))
  /** The views reach to the end of the real memory: then no growth goes unnoticed, as the engine empties them. */
  #whole = false

  constructor(memory: CoreMemory, pages: CoreGlobal | undefined) {
    this.#memory = memory
    this.#pages = pages
  }

  /** As wide as the guest sees it at this moment. */
  bytes(): Uint8Array {
    if (!this.#isCurrent()) this.#look()
    return this.#bytes
  }

  /** Likewise. */
  view(): DataView {
    if (!this.#isCurrent()) this.#look()
    return this.#view
  }

  /** To be called when the virtual size was put back. */
  forget(): void {
    this.#bytes = new Uint8Array(0)
    this.#view = new DataView(new ArrayBuffer(0))
  }

  #isCurrent(): boolean {
    const { length } = this.#bytes
    return length !== 0 && (this.#whole || length === Number(this.#pages?.value) * pageBytes)
  }

  #look(): void {
    const { buffer } = this.#memory
    const length = this.#pages === undefined ? buffer.byteLength : Math.min(Number(this.#pages.value) * pageBytes, buffer.byteLength)
    this.#bytes = new Uint8Array(buffer, 0, length)
    this.#view = new DataView(buffer, 0, length)
    this.#whole = length === buffer.byteLength
  }
}
