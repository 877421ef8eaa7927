/**
 * The build process: turns `bundle.js` and `wit/` of the scratch folder it was started in into `component.wasm`.
 *
 * INVARIANT: it has no authority worth taking. Building runs the top level of untrusted source inside the engine's
 * sandbox, and the parsers of the tools read hostile text: so this is a process of its own, started by
 * `run-build.ts` with an empty environment and a view of the tools and the scratch folder alone.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const scratch = process.cwd()
const [, , engine, kind] = process.argv

/**
 * preview2-shim opens nothing by default, and the tools read their WIT through it. The scratch folder is opened in this
 * process only, for each copy of the shim that a tool resolves.
 */
const openShim = async (tool: string): Promise<void> => {
  const from = createRequire(import.meta.resolve(tool))
  const shim: { _setPreopens: (mounts: Record<string, string>) => void } = await import(
    pathToFileURL(from.resolve('@bytecodealliance/preview2-shim/filesystem')).href
  )
  shim._setPreopens({ [scratch]: scratch })
}

const starlingmonkey = async (): Promise<Uint8Array> => {
  await openShim('@bytecodealliance/jco')
  await openShim('@bytecodealliance/componentize-js')
  const { componentize } = await import('@bytecodealliance/componentize-js')
  const { component } = await componentize({
    sourcePath: `${scratch}/source/agent.js`,
    witPath: `${scratch}/wit`,
    worldName: 'guest',
    disableFeatures: kind === 'fetch' ? [] : ['fetch-event'],
    // What wizer sees is baked into the component. Node would hand down its permission flags, and with them the
    // paths of this machine, unless the variable says `--permission` already.
    env: { NODE_OPTIONS: '--permission' },
  })
  return component
}

const quickjs = async (): Promise<Uint8Array> => {
  const { componentize } = await import('componentize-qjs')
  const { component } = await componentize({
    jsSource: await readFile(`${scratch}/source/agent.js`, 'utf8'),
    jsPath: `${scratch}/source/agent.js`,
    moduleRoot: `${scratch}/source`,
    witPath: `${scratch}/wit`,
    world: 'guest',
    sync: true,
  })
  return component
}

try {
  await writeFile(`${scratch}/component.wasm`, await (engine === 'quickjs' ? quickjs() : starlingmonkey()))
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
