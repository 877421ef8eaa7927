import { join } from 'node:path'
import { parseManifest, type Manifest } from '#core/manifest/manifest.ts'
import { readYaml } from './read-yaml.ts'

/**
 * Reads `agent.yaml` of a bundle folder. Throws CordonError `manifest.invalid` when it is missing, a link, not strict YAML, or says
 * anything that a manifest does not.
 */
export const readManifest = async (folder: string): Promise<Manifest> => {
  const origin = 'agent.yaml'
  const { value, locate } = await readYaml(join(folder, origin), {
    code: 'manifest.invalid',
    origin,
    followLinks: false,
    maxBytes: 64 * 1024,
  })
  return parseManifest(value, origin, locate)
}
