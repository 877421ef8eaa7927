import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { buildAgent, type BuiltAgent, type GuestEngine } from '#host/build/build-agent.ts'
import { requireBuildTools } from '#host/build/build-tools.ts'
import { instantiateStock } from './stock-jco.ts'
import { witNames } from './wit-names.ts'

// A first StarlingMonkey build takes some seconds on a machine of its own, and many on a busy one.
vi.setConfig({ testTimeout: 300_000 })

let folder = ''
let cacheDir = ''

const files: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module" }',
  'agent.ts': `
    import { environment, listFolder, readText, statFile, useSecret, writeText, callTool, FileError, SecretError, ToolError } from 'cordon/guest'
    import { double } from './double.ts'
    interface Input { readonly fail?: string; readonly waitMs?: number }
    const codeOf = (act: () => unknown): string => {
      try { return 'got ' + JSON.stringify(act()) } catch (error) {
        if (error instanceof FileError || error instanceof SecretError || error instanceof ToolError) return error.name + ' ' + error.code
        throw error
      }
    }
    export async function run(input: Input): Promise<unknown> {
      console.log('running', input)
      if (input.fail !== undefined) throw new Error(input.fail)
      await new Promise((done) => setTimeout(done, input.waitMs ?? 1))
      writeText('/out/report.txt', 'héllo ✓')
      return {
        doubled: double(21), back: readText('/out/report.txt'), size: statFile('/out/report.txt').size,
        list: listFolder('/out'), env: environment(), tool: callTool('search', { q: 1 }),
        codes: [codeOf(() => readText('/nowhere')), codeOf(() => readText('/out/none')), codeOf(() => useSecret('other')), codeOf(() => callTool('none'))],
      }
    }`,
  'double.ts': 'export const double = (n: number): number => n * 2',
  'default.js': 'export default (input) => ({ got: input })',
  'syntax.ts': 'const a = 1\nexport const run = () => a +;',
  'missing-module.ts': "import { a } from './nowhere.ts'\nimport b from 'left-pad-that-is-not-there'\nexport const run = () => [a, b]",
  'unknown-interface.ts': "import { get } from 'wasi:teleport/beam'\nexport const run = () => get()",
  'node-module.ts': "import { readFileSync } from 'node:fs'\nexport const run = () => readFileSync('/etc/passwd', 'utf8')",
  'no-export.ts': 'export const walk = () => 1',
  'not-a-function.ts': 'export const run: unknown = 5',
  'throws-while-loading.ts': 'const boom = (): never => {\n  throw new TypeError("at the top")\n}\nboom()\nexport const run = () => 1',
  'reads-outside.ts': "import secret from '../secret.json'\nexport const run = () => secret",
  'reads-through-a-link.ts': "import secret from './inner.json'\nexport const run = () => secret",
  'calls-the-host-while-loading.ts':
    "import { readText } from 'cordon/guest'\nexport const text = readText('/a')\nexport const run = () => text",
  'spins-while-loading.ts': 'for (;;) {}\nexport const run = () => 1',
}

const build = (file: string, engine: GuestEngine = 'quickjs', signal?: AbortSignal): Promise<BuiltAgent> =>
  buildAgent({ entry: join(folder, file), engine, cacheDir, ...(signal && { signal }) })

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'cordon-build-test-'))
  folder = join(root, 'agent')
  cacheDir = join(root, 'cache')
  await mkdir(folder)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  await writeFile(join(root, 'secret.json'), '{ "secret": "of the host" }')
  await symlink('../secret.json', join(folder, 'inner.json'))
})

afterAll(() => rm(join(folder, '..'), { recursive: true }))

const imports = {
  'cordon:agent/secrets': {
    use: () => {
      // eslint-disable-next-line no-throw-literal, typescript/only-throw-error -- jco's convention for a WIT `err`
      throw 'denied'
    },
  },
  'cordon:agent/tools': {
    call: (name: string, input: string) => {
      // eslint-disable-next-line no-throw-literal, typescript/only-throw-error -- jco's convention for a WIT `err`
      if (name !== 'search') throw 'unknown'
      return `{"found":${input}}`
    },
    list: () => '[]',
  },
}

/** What every JavaScript component imports, whatever its source: the engine's own needs. */
const engineImports: Readonly<Record<GuestEngine, readonly string[]>> = {
  starlingmonkey: [
    'wasi:cli/stderr@0.2.12',
    'wasi:cli/stdin@0.2.12',
    'wasi:cli/stdout@0.2.12',
    'wasi:cli/terminal-input@0.2.12',
    'wasi:cli/terminal-output@0.2.12',
    'wasi:cli/terminal-stderr@0.2.12',
    'wasi:cli/terminal-stdin@0.2.12',
    'wasi:cli/terminal-stdout@0.2.12',
    'wasi:clocks/monotonic-clock@0.2.12',
    'wasi:clocks/wall-clock@0.2.12',
    'wasi:filesystem/preopens@0.2.12',
    'wasi:filesystem/types@0.2.12',
    'wasi:http/outgoing-handler@0.2.10',
    'wasi:http/types@0.2.10',
    'wasi:io/error@0.2.12',
    'wasi:io/poll@0.2.12',
    'wasi:io/streams@0.2.12',
    'wasi:random/random@0.2.12',
  ],
  quickjs: [
    'wasi:cli/environment@0.2.12',
    'wasi:cli/exit@0.2.12',
    'wasi:cli/stderr@0.2.12',
    'wasi:cli/stdin@0.2.12',
    'wasi:cli/stdout@0.2.12',
    'wasi:cli/terminal-input@0.2.12',
    'wasi:cli/terminal-output@0.2.12',
    'wasi:cli/terminal-stderr@0.2.12',
    'wasi:cli/terminal-stdin@0.2.12',
    'wasi:cli/terminal-stdout@0.2.12',
    'wasi:clocks/monotonic-clock@0.2.12',
    'wasi:clocks/wall-clock@0.2.12',
    'wasi:filesystem/preopens@0.2.12',
    'wasi:filesystem/types@0.2.12',
    'wasi:io/error@0.2.12',
    'wasi:io/poll@0.2.12',
    'wasi:io/streams@0.2.12',
    'wasi:random/insecure-seed@0.2.12',
    'wasi:random/random@0.2.12',
  ],
}

describe.each(['starlingmonkey', 'quickjs'] as const)('an agent built with %s', (engine) => {
  test('imports what its engine and its source need, and exports `cordon:agent/run`', async () => {
    const { component } = await build('agent.ts', engine)
    const names = await witNames(component)
    const used = ['cordon:agent/secrets@0.1.0', 'cordon:agent/tools@0.1.0', 'wasi:cli/environment@0.2.12']
    expect(names.imports).toEqual([...new Set([...engineImports[engine], ...used])].sort())
    expect(names.exports).toContain('cordon:agent/run@0.1.0')
  })

  test('runs on stock jco with files, secrets, tools, the environment, timers and errors', async () => {
    const { component } = await build('agent.ts', engine)
    const out = await mkdtemp(join(folder, '..', 'out-'))
    const agent = await instantiateStock(component, { preopens: { '/out': out }, env: { TZ: 'UTC' }, imports })
    const run = (input: unknown): unknown => agent['cordon:agent/run@0.1.0']?.['run']?.(JSON.stringify(input))
    const started = performance.now()
    expect(JSON.parse(String(await run({ waitMs: 200 })))).toEqual({
      doubled: 42,
      back: 'héllo ✓',
      size: 10,
      list: [{ name: 'report.txt', kind: 'regular-file' }],
      env: { TZ: 'UTC' },
      tool: { found: { q: 1 } },
      codes: ['FileError no-entry', 'FileError no-entry', 'SecretError denied', 'ToolError unknown'],
    })
    expect(performance.now() - started).toBeGreaterThan(195)
    expect(await readFile(join(out, 'report.txt'), 'utf8')).toBe('héllo ✓')
    // jco throws a WIT `err` with its payload: an Error thrown by the agent is a message, not a trap, and the next call works.
    await expect(async () => run({ fail: 'no luck' })).rejects.toBe('no luck')
    expect(JSON.parse(String(await run({})))).toMatchObject({ doubled: 42 })
  })

  test('names no path of this machine', async () => {
    const { component } = await build('agent.ts', engine)
    const text = Buffer.from(component).toString('latin1')
    for (const path of [folder, homedir(), import.meta.dirname, process.execPath]) expect(text).not.toContain(`${path}/`)
  })
})

describe('the cache', () => {
  test('serves a second build of the same source, and not of another', async () => {
    const first = await build('default.js')
    const second = await build('default.js')
    expect([second.cached, second.digest]).toEqual([true, first.digest])
    expect(second.component).toEqual(first.component)
    await writeFile(join(folder, 'changed.js'), 'export default () => "changed"')
    expect((await build('changed.js')).cached).toBe(false)
  })

  test('builds again when an entry was damaged', async () => {
    await build('default.js')
    for (const name of await readdir(cacheDir)) {
      const bytes = await readFile(join(cacheDir, name))
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      await writeFile(join(cacheDir, name), bytes)
    }
    expect((await build('default.js')).cached).toBe(false)
    expect((await build('default.js')).cached).toBe(true)
  })
})

describe('a source that does not build is refused with its place', () => {
  test.each([
    ['syntax.ts', 'syntax.ts:2:29: Unexpected ";"'],
    ['missing-module.ts', 'missing-module.ts:1:19: Could not resolve "./nowhere.ts"'],
    ['missing-module.ts', 'missing-module.ts:2:15: Could not resolve "left-pad-that-is-not-there"'],
    ['unknown-interface.ts', 'unknown-interface.ts:1:21: there is no interface `wasi:teleport/beam` for agents'],
    ['node-module.ts', 'node-module.ts:1:30: Could not resolve "node:fs"'],
    ['no-export.ts', 'no-export.ts: exports neither `run` nor a default function'],
    ['not-a-function.ts', 'expected the module to export a function `run`, got number'],
    ['throws-while-loading.ts', 'throws-while-loading.ts:2:'],
    ['reads-outside.ts', "reads-outside.ts:1:20: `../secret.json` lies outside of the agent's folder"],
    ['reads-through-a-link.ts', "lies outside of the agent's folder"],
  ])('%s: %s', async (file, text) => {
    const error: unknown = await build(file).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'bundle.build-failed', message: expect.stringContaining(text) })
    expect(String(error)).not.toMatch(/\n\s+at /)
    expect(String(error)).not.toContain('of the host')
  })

  test('also by StarlingMonkey: loading that throws, and loading that calls the host', async () => {
    await expect(build('throws-while-loading.ts', 'starlingmonkey')).rejects.toMatchObject({
      code: 'bundle.build-failed',
      message: expect.stringContaining('throws-while-loading.ts:2:9: TypeError: at the top'),
    })
    await expect(build('calls-the-host-while-loading.ts', 'starlingmonkey')).rejects.toMatchObject({
      code: 'bundle.build-failed',
      message: expect.stringContaining('do it inside of `run`'),
    })
  })

  test('a path that is not a source, or not there', async () => {
    await expect(build('double.txt')).rejects.toMatchObject({ code: 'bundle.invalid' })
    await expect(build('gone.ts')).rejects.toMatchObject({ code: 'bundle.not-found' })
  })
})

test.each(['starlingmonkey', 'quickjs'] as const)(
  '%s: a source that spins while it is built is ended with its whole process group',
  async (engine) => {
    const stop = new AbortController()
    const ended = expect(build('spins-while-loading.ts', engine, stop.signal)).rejects.toMatchObject({ code: 'session.interrupted' })
    // Other test files build too: only the group that this process started counts.
    let groups: string[] = []
    for (let tries = 0; groups.length === 0 && tries < 1000; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      groups = (await buildProcesses()).filter(({ parent }) => parent === String(process.pid)).map(({ group }) => group)
    }
    expect(groups).not.toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 2000))
    stop.abort()
    await ended
    expect((await buildProcesses()).filter(({ group }) => groups.includes(group))).toEqual([])
  },
)

test('missing build tools are named with the line that installs them', async () => {
  const found = await requireBuildTools('quickjs')
  const withoutSome = (name: string) => Promise.resolve(name === 'componentize-qjs' ? undefined : found.get(name))
  await expect(requireBuildTools('quickjs', withoutSome)).rejects.toMatchObject({
    code: 'package.missing',
    hint: 'install what building needs: npm i -D componentize-qjs@0.4.5',
  })
})

interface BuildProcess {
  readonly id: string
  readonly parent: string
  readonly group: string
}

/** Processes whose working folder is a build's scratch folder, with parent and process group (proc(5), fields 4 and 5 of stat). */
const buildProcesses = async (): Promise<BuildProcess[]> => {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    ids.map(async (id): Promise<BuildProcess[]> => {
      const cwd = await readlink(`/proc/${id}/cwd`).catch(() => '')
      if (!cwd.includes('/cordon-build-') || cwd.includes('cordon-build-test')) return []
      const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '')
      const [, parent = '', group = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return [{ id, parent, group }]
    }),
  )
  return found.flat()
}
