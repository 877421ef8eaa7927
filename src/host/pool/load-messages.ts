import type { ComponentArtifact, GlueArtifact } from '#core/artifact.ts'
import type { ToCell } from '#wire/messages.ts'

/** An artifact as far as a cell is to know it. */
type Loadable =
  | Pick<ComponentArtifact, 'key' | 'linking' | 'component' | 'exports'>
  | Pick<GlueArtifact, 'key' | 'linking' | 'glue' | 'cores' | 'exports'>

/** What hands an artifact over to a cell: `load` and its `load-core`s, in order. */
export const loadMessages = (artifact: Loadable): readonly ToCell[] => {
  const { key, linking, exports } = artifact
  if (linking === 'component') return [{ type: 'load', artifact: key, linking, exports, cores: 0, body: artifact.component }]
  const { cores, glue } = artifact
  return [
    { type: 'load', artifact: key, linking, exports, cores: cores.length, body: new TextEncoder().encode(glue) },
    ...cores.map(({ name, bytes }): ToCell => ({ type: 'load-core', artifact: key, name, body: bytes })),
  ]
}
