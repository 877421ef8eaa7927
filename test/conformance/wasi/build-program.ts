import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { commands } from '@yowasp/clang'
import { testCache } from '../../fixtures/test-home.ts'
import { everyPackage, unstableFeatures, wasiVersion } from './wit-packages.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const cordon = fileURLToPath(new URL('../../../src/cli/cordon.ts', import.meta.url))

/** A world that imports what the program's text names, and exports what it implements. */
const worldOf = (program: string): string => {
  const imports = new Set([...program.matchAll(/\(import "([^"]+)"/g)].map(([, name]) => `import ${name};`))
  const exported = new Set([...program.matchAll(/\(export "([^"#]+)#/g)].map(([, name]) => `export ${name};`))
  return `package test:programs;\nworld program {\n${[...imports, ...exported].join('\n')}\n}`
}

/** A program of text format is the fields of one core module, whose imports and exports have the names of WIT; the prelude goes around them. */
const buildText = async (source: string): Promise<Uint8Array> => {
  const [fields, before, after] = await Promise.all(
    [source, join(here, 'programs/prelude-imports.wat'), join(here, 'programs/prelude.wat')].map((file) => readFile(file, 'utf8')),
  )
  const entry =
    fields?.includes('(export "wasi:') === true
      ? ''
      : `(func (export "wasi:cli/run@${wasiVersion}#run") (result i32) (call $run) (i32.const 0))`
  // `;; @0.2.0` in its first line: what was built against an earlier patch.
  const version = /^;; @(0\.2\.\d+)/.exec(fields ?? '')?.[1] ?? wasiVersion
  const as = (text: string): string => text.replaceAll(`@${wasiVersion}`, `@${version}`)
  const program = as(`(module\n${before}\n${fields}\n${after}\n${entry})`)
  const witSource = `${worldOf(program)}\n${as(await everyPackage())}`
  const binary = await componentEmbed({
    binary: await parse(program),
    witSource,
    world: 'program',
    features: { tag: 'list', val: unstableFeatures },
  })
  return await componentNew(binary, [])
}

/** A core module for preview 1, against wasi-libc. */
const buildC = async (source: string): Promise<Uint8Array> => {
  const complaints: Uint8Array[] = []
  const hear = (bytes: Uint8Array | null): void => void (bytes === null || complaints.push(bytes))
  const args = ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', 'program.c', '-o', 'program.wasm']
  try {
    const tree = await commands.clang(args, { 'program.c': await readFile(source, 'utf8') }, { stdout: hear, stderr: hear })
    const program = tree?.['program.wasm']
    if (program instanceof Uint8Array) return program
  } catch {
    // What was said of it is what helps.
  }
  throw new Error(`${basename(source)} does not compile: ${Buffer.concat(complaints).toString()}`)
}

/** An agent, by \`cordon build\`. */
const buildTypeScript = async (source: string): Promise<Uint8Array> => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-program-'))
  try {
    const name = basename(source, '.ts')
    // `// engine: quickjs` in its first line: for what StarlingMonkey cannot bind.
    const engine = /^\/\/ engine: ([a-z]+)/.exec(await readFile(source, 'utf8'))?.[1] ?? 'starlingmonkey'
    const manifest = { apiVersion: 'cordon/v1', name, version: '1.0.0', source: `src/${name}.ts`, engine }
    await mkdir(join(folder, 'src'))
    await writeFile(join(folder, 'agent.yaml'), JSON.stringify(manifest))
    await writeFile(join(folder, 'check.ts'), await readFile(join(here, 'programs/check.ts')))
    await writeFile(join(folder, 'src', `${name}.ts`), await readFile(source))
    const out = join(folder, 'program.wasm')
    const environment = { HOME: folder, PATH: process.env['PATH'] ?? '' }
    await promisify(execFile)(process.execPath, ['--conditions=source', cordon, 'build', folder, '--quiet', '--out', out], {
      env: environment,
    })
    return await readFile(out)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const builders: Readonly<Record<string, (source: string) => Promise<Uint8Array>>> = {
  '.wat': buildText,
  '.c': buildC,
  '.ts': buildTypeScript,
}

/** Whether a file is the source of a program. */
export const isProgram = (file: string): boolean => !/(?:^|\/)prelude|\.d\.ts$/.test(file) && Object.hasOwn(builders, extname(file))

/** Text on which all that is built depends. */
const surroundings = async (): Promise<string> => {
  const names = ['build-program.ts', 'programs/prelude-imports.wat', 'programs/prelude.wat', 'programs/check.ts']
  const files = names.map((name) => readFile(join(here, name), 'utf8'))
  return [...(await Promise.all(files)), await everyPackage()].join('\n')
}

/** The program of a source file (`.wat`, `.c`, `.ts`); built once for each text of it. */
export const buildProgram = async (source: string): Promise<Uint8Array> => {
  const key = createHash('sha256')
    .update(await surroundings())
    .update(extname(source))
    .update(await readFile(source))
    .digest('hex')
  const kept = join(testCache, 'wasi-programs', `${key}.wasm`)
  if (existsSync(kept)) return await readFile(kept)
  const built = await builders[extname(source)]?.(source)
  if (built === undefined) throw new TypeError(`expected a source in text format, C or TypeScript, got ${basename(source)}`)
  await mkdir(dirname(kept), { recursive: true })
  await writeFile(`${kept}.${process.pid}`, built)
  await rename(`${kept}.${process.pid}`, kept)
  return built
}
