import type { CoreModule, ExportedFunction } from '#core/artifact.ts'
import { asyncImports } from '#core/async-imports.ts'
import { CordonError } from '#core/errors.ts'
import type { Bindgen } from './bindgen.ts'
import { readExports } from './glue-exports.ts'
import { checkFeatures } from './glue-features.ts'
import { patchGlue } from './glue-patch.ts'
import { checkGlueShape } from './glue-shape.ts'
import { parseJavaScript } from './syntax-tree.ts'

/** What is left of a component once jco has taken it apart; the core modules still as they came. */
export interface Transpiled {
  readonly glue: string
  readonly cores: readonly CoreModule[]
  readonly exports: readonly ExportedFunction[]
}

/** Most bytes of generated code; real agents have 0.4–3 MiB, while 600 hostile bytes can ask for 20 MB. */
const maxGlueBytes = 8 * 1024 * 1024

/** Functions that nearly all agents export: with them known from the start, one pass is enough. */
const usualExports = ['run']

const optionsWith = (asyncExports: readonly string[]): Readonly<Record<string, unknown>> => ({
  name: 'component',
  map: [],
  instantiation: { tag: 'async' },
  asyncMode: { tag: 'jspi', val: { imports: asyncImports, exports: asyncExports } },
  base64Cutoff: 0,
  noTypescript: true,
  noNodejsCompat: true,
  noComponentErrorWrapping: false,
})

/** The transpiler's own error, which it throws for components that do not validate; anything else is a panic. */
const isVerdict = (error: unknown): error is Error => error instanceof Error && 'payload' in error

const generationFailure = (error: unknown, bindgen: Bindgen): CordonError => {
  if (isVerdict(error)) {
    return new CordonError('component.invalid', `the component is not valid: ${error.message.replaceAll(/\s+/g, ' ')}`)
  }
  const said = bindgen
    .diagnostics()
    .replace(/note: run with[^]*/, '')
    .trim()
    .replaceAll(/\s+/g, ' ')
  return new CordonError('ingest.failed', `the transpiler cannot handle this component${said === '' ? '' : `: ${said}`}`, { cause: error })
}

const generate = (component: Uint8Array, bindgen: Bindgen, asyncExports: readonly string[]): ReadonlyMap<string, Uint8Array> => {
  try {
    return new Map(bindgen.generate(component, optionsWith(asyncExports)).files)
  } catch (error) {
    throw generationFailure(error, bindgen)
  }
}

const textOf = (files: ReadonlyMap<string, Uint8Array>): string => {
  const bytes = files.get('component.js')
  if (bytes === undefined) throw new CordonError('ingest.failed', 'expected `component.js` from the transpiler, got none')
  if (bytes.length > maxGlueBytes) {
    throw new CordonError(
      'component.unsupported',
      `the component's types need ${bytes.length} bytes of generated code; expected at most ${maxGlueBytes}`,
    )
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}

const parseGenerated = (text: string): ReturnType<typeof parseJavaScript> => {
  try {
    return parseJavaScript(text, 'module')
  } catch (error) {
    throw new CordonError(
      'component.unsupported',
      `the component leads to generated code that is not JavaScript: an export's name may collide with it (${error instanceof Error ? error.message : 'unknown'})`,
    )
  }
}

/** The function exports that the first pass did not know would have to be promising; a second pass is told. */
const asyncNamesFor = (exports: ReturnType<typeof readExports>): readonly string[] => exports.map((each) => each.asyncName)

const transpileOnce = (component: Uint8Array, bindgen: Bindgen, asyncExports: readonly string[]) => {
  const files = generate(component, bindgen, asyncExports)
  const text = textOf(files)
  const tree = parseGenerated(text)
  checkFeatures(tree)
  return { files, text, tree, exports: readExports(tree) }
}

/**
 * Takes a component apart into core modules and patched, checked glue. Every export is called as promising: a plain call would re-enter a guest that
 * is suspended. Throws CordonError `component.invalid`, `component.unsupported` or `ingest.failed`.
 */
export const transpile = (component: Uint8Array, bindgen: Bindgen): Transpiled => {
  let pass = transpileOnce(component, bindgen, usualExports)
  if (!pass.exports.every((each) => each.isAsync)) pass = transpileOnce(component, bindgen, asyncNamesFor(pass.exports))
  const stubborn = pass.exports.find((each) => !each.isAsync)
  if (stubborn !== undefined) {
    throw new CordonError('ingest.failed', `expected export \`${stubborn.call}\` to be generated as promising, it was not`)
  }
  const cores = [...pass.files].filter(([name]) => name.endsWith('.wasm')).map(([name, bytes]) => ({ name, bytes }))
  // Files are numbered from 1 without gaps, the first without its number.
  const { glue, modules } = patchGlue(pass.text, pass.tree, cores.length + 1)
  checkGlueShape(glue)
  return { glue, cores: [...cores, ...modules], exports: pass.exports.map(({ path, call, kind }) => ({ path, call, kind })) }
}
