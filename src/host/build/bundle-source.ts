import { realpath } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'

import type { BuildFailure, BuildResult, Message, OnResolveResult, Plugin } from 'esbuild'

import { CordonError } from '#core/errors.ts'
import type { GuestEngine } from './build-agent.ts'
import { ownModule } from './build-tools.ts'
import { surveyBundle } from './survey-bundle.ts'

/** A bundled agent: one ES module that imports nothing but WIT interfaces. */
export interface BundledSource {
  readonly text: string
  /** Source map (JSON) from `text` to the author's files. */
  readonly map: string
  /** Absolute path that the map's sources are relative to. */
  readonly folder: string
  /** The WIT interfaces it imports, versioned. */
  readonly imports: readonly string[]
  /** What it is, and with that what its component exports. */
  readonly kind: SourceKind
}

/** What bundling needs to know. */
export interface BundleRequest {
  /** Absolute path of the author's module. */
  readonly entry: string
  readonly engine: GuestEngine
  /** Interface without version → with it. */
  readonly interfaces: ReadonlyMap<string, string>
}

/** The agent's own folder: the nearest one up that holds a manifest, else the entry's. */
const projectFolder = (entry: string): string => {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'agent.yaml')) || existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(entry)
  }
}

const inside = (folder: string, path: string): boolean => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/** Folders an agent's source may be read from: its own, the `node_modules` above it, and Cordon's guest library. */
const readableFolders = async (entry: string): Promise<readonly string[]> => {
  const project = await realpath(projectFolder(entry))
  const folders = [project, await realpath(dirname(ownModule('guest/index')))]
  for (let folder = project; folder !== dirname(folder); folder = dirname(folder)) {
    const modules = join(folder, 'node_modules')
    if (existsSync(modules)) folders.push(await realpath(modules))
  }
  return folders
}

/**
 * Refuses to read what lies outside the agent's folder. The source is not trusted: an `import` of a file elsewhere on
 * this machine would carry its text into the component, and from there to wherever the agent may send it.
 */
const stayInside = (folders: readonly string[], project: string): Plugin => ({
  name: 'cordon-stay-inside',
  setup(build) {
    build.onLoad({ filter: /.*/, namespace: 'file' }, async ({ path }) => {
      const real = await realpath(path).catch(() => path)
      if (folders.some((folder) => inside(folder, real))) return undefined
      return { errors: [{ text: `\`${relative(project, path)}\` lies outside of the agent's folder` }] }
    })
  },
})

/** Leaves WIT imports to the engine, in the one version that the build's WIT has, and notes which were used. */
const witImports = (interfaces: ReadonlyMap<string, string>): Plugin => ({
  name: 'cordon-wit',
  setup(build) {
    build.onResolve({ filter: /^(?:wasi|cordon):/ }, ({ path }): OnResolveResult => {
      const versioned = interfaces.get(path.replace(/@.*$/, ''))
      if (versioned === undefined) return { errors: [{ text: `there is no interface \`${path}\` for agents` }] }
      return { path: versioned, external: true, sideEffects: false }
    })
    build.onResolve({ filter: /^cordon\/guest$/ }, () => ({ path: ownModule('guest/index') }))
    // The guest library's own imports across its folders; an agent's `#guest/…` is the agent's business.
    build.onResolve({ filter: /^#guest\/.*\.ts$/ }, ({ path, importer }) =>
      inside(dirname(ownModule('guest/index')), importer) ? { path: ownModule(path.slice(1, -3)) } : undefined,
    )
  },
})

/** `src/agent.ts:3:7: text`, paths as from the agent's folder. */
const describeMessage = ({ text, location }: Message): string =>
  location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`

const isBuildFailure = (error: unknown): error is BuildFailure => error instanceof Error && 'errors' in error && Array.isArray(error.errors)

/** The error of a source that does not build; one line a mistake. */
export const sourceError = (lines: readonly string[]): CordonError => {
  const shown = lines.slice(0, 20)
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : []
  return new CordonError('bundle.build-failed', `expected a source that builds, got:\n  ${[...shown, ...more].join('\n  ')}`, {
    hint: 'correct the source at the lines named',
  })
}

/**
 * What a module is. `run`: it exports a function that does one task. `handler`: it exports `incomingHandler`, whose `handle` serves requests.
 * `fetch`: it listens to `fetch` events, which StarlingMonkey makes of requests.
 */
export type SourceKind = 'run' | 'handler' | 'fetch'

/** The generated entry: the author's module, with the engine's adapter around it where it needs one. */
const wrapper = (entry: string, engine: GuestEngine, kind: SourceKind): string => {
  const agent = JSON.stringify(entry)
  const globals = engine === 'quickjs' ? [`import ${JSON.stringify(ownModule('guest/quickjs/globals'))}`] : []
  const adapt = `import { adapt } from ${JSON.stringify(ownModule(`guest/adapt-${engine}`))}`
  switch (kind) {
    case 'run':
      return [...globals, adapt, `import * as agent from ${agent}`, 'export const run = adapt(agent.run ?? agent.default)'].join('\n')
    case 'handler':
      return [...globals, `import * as agent from ${agent}`, 'export const incomingHandler = agent.incomingHandler'].join('\n')
    case 'fetch':
      return [...globals, `import ${agent}`].join('\n')
  }
}

/** How many of the names that the entry asks for have to be missing for the module to be of another kind. */
const missingOf = { run: 2, handler: 1 } as const

const listensToFetch = /\baddEventListener\(\s*["'`]fetch["'`]/

/** QuickJS in its synchronous form never runs promise jobs, so its guests bring promises of their own and no native `async`. */
const quickjsTarget = { 'async-await': false, 'async-generator': false, 'for-await': false }

/** Where a module's sources may come from. */
interface SourceFolders {
  readonly project: string
  readonly readable: readonly string[]
}

/** Whether a bundle is of the kind that it was bundled as: better said now than after a compile. */
const isOfKind = (
  kind: SourceKind,
  text: string,
  { warnings, metafile }: Pick<BuildResult<{ metafile: true }>, 'warnings' | 'metafile'>,
): boolean => {
  const listens = listensToFetch.test(text)
  if (kind === 'fetch') return listens
  const missing = warnings.filter(({ id, location }) => id === 'import-is-undefined' && location?.file === 'cordon-agent.js')
  if (missing.length >= missingOf[kind]) return false
  // A script without an import or export may be CommonJS, of whose exports nobody knows before it runs.
  const entry = metafile.inputs['cordon-agent.js']?.imports.at(-1)?.path ?? ''
  const isModule = metafile.inputs[entry]?.format === 'esm'
  return isModule || (kind === 'run' && !listens)
}

/** Bundles the module as one of a kind; `undefined` when it is none. Throws esbuild's BuildFailure. */
const bundleAs = async (
  kind: SourceKind,
  request: BundleRequest,
  { project, readable }: SourceFolders,
): Promise<BundledSource | undefined> => {
  const { build } = await import('esbuild')
  const { entry, engine, interfaces } = request
  const { outputFiles, metafile, warnings } = await build({
    stdin: { contents: wrapper(entry, engine, kind), resolveDir: project, sourcefile: 'cordon-agent.js', loader: 'js' },
    absWorkingDir: project,
    bundle: true,
    write: false,
    metafile: true,
    outfile: 'agent.js',
    sourcemap: 'external',
    sourcesContent: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    supported: engine === 'quickjs' ? quickjsTarget : {},
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'edge-light', 'worker', 'import'],
    define: { cordonEngine: JSON.stringify(engine) },
    treeShaking: true,
    // Not the bundle's own: its `extends` may name any file or device of this host.
    tsconfigRaw: '{}',
    logLevel: 'silent',
    plugins: [stayInside(readable, project), witImports(interfaces)],
  })
  const file = (ending: string): string => outputFiles.find(({ path }) => basename(path) === `agent.js${ending}`)?.text ?? ''
  const text = file('')
  if (!isOfKind(kind, text, { warnings, metafile })) return undefined
  const imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.filter((used) => used.external).map((used) => used.path),
  )
  return { text, map: file('.map'), folder: project, imports: [...new Set(imports)].toSorted(), kind }
}

/** Only StarlingMonkey makes events of requests, and the tools for QuickJS do not know the resources of HTTP. */
const kindsOf = (engine: GuestEngine): readonly SourceKind[] => (engine === 'starlingmonkey' ? ['run', 'handler', 'fetch'] : ['run'])

/**
 * Bundles the author's module and everything it imports into one module.
 *
 * @throws CordonError `bundle.build-failed` naming file, line and column
 */
export const bundleSource = async (request: BundleRequest): Promise<BundledSource> => {
  const { entry, engine } = request
  const project = projectFolder(entry)
  // A source file alone lies in a folder of the operator's, which holds what it holds.
  if (existsSync(join(project, 'agent.yaml'))) await surveyBundle(project)
  try {
    const readable = await readableFolders(entry)
    for (const kind of kindsOf(engine)) {
      const bundled = await bundleAs(kind, request, { project, readable })
      if (bundled !== undefined) return bundled
    }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw sourceError(error.errors.map(describeMessage))
  }
  throw sourceError([`${relative(project, entry)}: exports neither \`run\` nor a default function, and serves no requests either`])
}

/** Whether a path is one the builder takes. */
export const isAgentSource = (path: string): boolean => /\.[cm]?[jt]s$/.test(resolve(path))
