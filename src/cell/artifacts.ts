import type { CoreModule, ExportedFunction } from '#core/artifact.ts'
import type { Linking } from '#wire/messages.ts'
import type { Linkable, Linked, Linker } from './link/linker.ts'

/** An artifact that can be run. */
interface LoadedArtifact {
  readonly linked: Linked
  readonly exports: readonly ExportedFunction[]
}

/** The first part of an artifact. */
interface FirstPart {
  readonly linking: Linking
  /** The component, or the glue in UTF-8. */
  readonly body: Uint8Array
  readonly exports: readonly ExportedFunction[]
  /** Core modules that follow. */
  readonly awaited: number
}

interface Arriving extends FirstPart {
  readonly cores: CoreModule[]
}

/** The artifacts of one cell: gathered from their messages, compiled once. */
export class Artifacts {
  readonly #linker: Linker
  readonly #arriving = new Map<string, Arriving>()
  readonly #loaded = new Map<string, LoadedArtifact>()

  constructor(linker: Linker) {
    this.#linker = linker
  }

  get(artifact: string): LoadedArtifact | undefined {
    return this.#loaded.get(artifact)
  }

  /** Begins an artifact. Resolves to true when it is ready, false while parts are missing. */
  begin(artifact: string, part: FirstPart): Promise<boolean> {
    this.#arriving.set(artifact, { ...part, cores: [] })
    return this.#linkWhenWhole(artifact)
  }

  /** Takes the next core module. Resolves like {@link Artifacts.begin}; rejects when the parts do not make an artifact. */
  add(artifact: string, core: CoreModule): Promise<boolean> {
    this.#arriving.get(artifact)?.cores.push(core)
    return this.#linkWhenWhole(artifact)
  }

  /** Forgets an artifact; sessions that run it keep it until they end. */
  remove(artifact: string): void {
    this.#arriving.delete(artifact)
    this.#loaded.delete(artifact)
  }

  async #linkWhenWhole(artifact: string): Promise<boolean> {
    const arriving = this.#arriving.get(artifact)
    if (arriving === undefined) throw new Error('expected `load` before `load-core`')
    if (arriving.cores.length < arriving.awaited) return false
    this.#arriving.delete(artifact)
    this.#loaded.set(artifact, { linked: await this.#linker.link(linkable(arriving)), exports: arriving.exports })
    return true
  }
}

const linkable = ({ linking, body, cores, exports }: Arriving): Linkable =>
  linking === 'component'
    ? { linking, component: body, exports }
    : { linking, glue: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body), cores, exports }
