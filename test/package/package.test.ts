import { existsSync, globSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildToolRanges } from '#host/build/build-tools.ts'
import { buildWat } from '../fixtures/build-wat.ts'
import { levelsToTest } from '../fixtures/levels.ts'
import { packed, type Packed } from './packed.ts'

const root = new URL('../..', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly peerDependencies: object
  readonly peerDependenciesMeta: object
}
const MB = 1_000_000

let made: Packed
beforeAll(async () => {
  made = await packed()
  writeFileSync(join(made.project, 'echoes-input.wasm'), await buildWat('echoes-input'))
})
afterAll(() => made[Symbol.dispose]())

const inProject = (command: string, ...args: readonly string[]): ReturnType<Packed['run']> => made.run(made.project, command, ...args)

const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0)

describe('the tarball', () => {
  test('holds the built sources, what the build made for them, and nothing else', () => {
    const strange = made.files.filter((file) => {
      const built = /^package\/dist\/(.+?)(?:\.d\.ts|\.js)$/.exec(file)?.[1]
      if (built !== undefined && existsSync(join(root, `src/${built}.ts`))) return false
      return !/^package\/(?:package\.json|README\.md|wit\/(?:[a-z-]+\/){0,2}[a-z-]+\.wit|dist\/vendor\/[\w.-]+)$/.test(file)
    })
    expect(strange).toEqual([])
    expect(made.files.length).toBeGreaterThan(400)
    for (const name of [
      'bindgen.js',
      'encoder.js',
      'command-frame.wasm',
      'NOTICE',
      'interpreter.wasm',
      'interfaces.json',
      'LICENSE',
      'js-component-bindgen-component.core.wasm',
    ]) {
      expect(made.files).toContain(`package/dist/vendor/${name}`)
    }
  })

  test('leaves out the scripts that run from a checkout only', () => {
    expect(
      made.files.filter((file) => /vendor-bindgen|vendor-preview1|write-interpreter|bindgen-world|interface-signatures/.test(file)),
    ).toEqual([])
  })

  test('passes publint', async () => {
    const { exitCode, stdout } = await made.run(made.equipped, join(root, 'node_modules/.bin/publint'), '--strict', 'node_modules/cordon')
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('All good')])
  })

  test('names as optional peers what the builder asks for', () => {
    expect(manifest.peerDependencies).toEqual({ ...buildToolRanges('starlingmonkey'), ...buildToolRanges('quickjs') })
    const optional = Object.fromEntries(Object.keys(manifest.peerDependencies).map((name) => [name, { optional: true }]))
    expect(manifest.peerDependenciesMeta).toEqual(optional)
  })
})

describe('installed into an empty project', () => {
  test('it is small and brings no tool that builds', () => {
    expect(sizeOf(join(made.project, 'node_modules')) / MB).toBeLessThan(80)
    const installed = globSync('node_modules/{*,@*/*}/package.json', { cwd: made.project }).map((file) => file.slice(13, -13))
    expect(installed).toContain('cordon')
    expect(installed.filter((name) => /jco|binaryen|componentize|esbuild|typescript|^node$/.test(name))).toEqual([])
  })

  for (const { level, skipped } of levelsToTest) {
    test.skipIf(skipped !== undefined)(`the embedding interface runs components and code at level ${level}`, async () => {
      writeFileSync(
        join(made.project, `embed-${level}.ts`),
        `import { readFile } from 'node:fs/promises'
import { createRuntime, tool } from 'cordon'
import { z } from 'zod'

await using runtime = await createRuntime({
  audit: './audit-${level}',
  pool: { max: 2, isolation: '${level}' },
  tools: { shout: tool({ input: z.object({ text: z.string() }), run: ({ text }) => text.toUpperCase() }) },
})
const loaded = await runtime.load('./echoes-input.wasm')
const inMemory = await runtime.loadComponent(await readFile('./echoes-input.wasm'), { name: 'echo' })
const first = await loaded.run({ name: 'Ada' }, { segment: 'acme', limits: { timeoutMs: 20_000 } })
const second = await inMemory.run([1])
const third = await runtime.evaluate({
  code: 'return await tools.shout({ text: \`\${input.a + 1} beeps\` })',
  input: { a: 41 },
  tools: ['shout'],
})
console.log(JSON.stringify([runtime.isolation, first.result, second.result, third.result]))
`,
      )
      const { exitCode, stdout, stderr } = await inProject('node', `embed-${level}.ts`)
      expect([exitCode, stderr]).toEqual([0, ''])
      expect(JSON.parse(stdout)).toEqual([level, { name: 'Ada' }, [1], '42 BEEPS'])
    })
  }

  test('npx cordon eval', async () => {
    const { exitCode, stdout } = await inProject('npx', '--no-install', 'cordon', 'eval', 'input.a * 2', '--input', '{"a":21}')
    expect([exitCode, stdout]).toEqual([0, '42\n'])
  })

  test('npx cordon run of a component', async () => {
    const { exitCode, stdout } = await inProject('npx', '--no-install', 'cordon', 'run', 'echoes-input.wasm', '--input', '{"a":1}')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ a: 1 })
  })

  test('npx cordon doctor', async () => {
    const { exitCode, stdout } = await inProject('npx', '--no-install', 'cordon', 'doctor')
    expect(exitCode).toBe(0)
    for (const level of ['thread', 'process', 'bwrap']) expect(stdout).toContain(level)
  })

  test('building without the tools says by name what to install', async () => {
    writeFileSync(join(made.project, 'agent.ts'), 'export const run = (): number => 1\n')
    expect((await inProject('cordon', 'init', 'young')).exitCode).toBe(0)
    for (const line of [
      ['run', 'agent.ts'],
      ['run', 'young'],
      ['build', 'young'],
    ]) {
      const { exitCode, stderr } = await inProject('cordon', ...line)
      expect(exitCode, line.join(' ')).toBe(125)
      expect(stderr).toContain('package.missing')
      expect(stderr).toContain('npm i -D esbuild@0.28 @bytecodealliance/componentize-js@0.23 @bytecodealliance/jco@1.35')
    }
  })

  test('a Node that is too old gets one line and exit code 125', async () => {
    const old = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"24.1.0"}})'
    const { exitCode, stdout, stderr } = await inProject('node', '--import', old, 'node_modules/cordon/dist/cli/cordon.js', 'doctor')
    expect([exitCode, stdout]).toEqual([125, ''])
    expect(stderr).toMatch(/^cordon needs Node 26\.4 or newer, this is 24\.1\.0: .*\n$/)
  })
})

describe('in a project with the build tools', () => {
  test('the types of both doors serve a strict TypeScript consumer that checks libraries too', async () => {
    writeFileSync(
      join(made.equipped, 'consumer.ts'),
      `import { CordonError, createRuntime, tool, type RunResult } from 'cordon'
import { FileError, readText } from 'cordon/guest'
import { z } from 'zod'

const shout = tool({ input: z.object({ text: z.string() }), run: ({ text }) => text.toUpperCase() })
export const total = async (): Promise<number> => {
  await using runtime = await createRuntime({ tools: { shout } })
  const agent = await runtime.load('agent')
  const answer: RunResult<{ total: number }> = await agent.run<{ total: number }>({ name: 'Ada' })
  return answer.result.total
}
export const note: string = readText('/notes/a')
export const errors: readonly unknown[] = [CordonError, FileError]
// @ts-expect-error: a tool's input has the type of its schema
tool({ input: z.object({ text: z.string() }), run: ({ wrong }) => wrong })
`,
    )
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'esnext', '--types', 'node']
    const { exitCode, stdout } = await made.run(made.equipped, 'tsc', ...flags, 'consumer.ts')
    expect([exitCode, stdout]).toEqual([0, ''])
  })

  test('a new agent runs, passes its own test and its own check', async () => {
    expect((await made.run(made.equipped, 'cordon', 'init', 'young')).exitCode).toBe(0)
    const agent = join(made.equipped, 'young')
    symlinkSync('../node_modules', join(agent, 'node_modules'))
    const started = await made.run(agent, 'npm', 'start', '--silent')
    expect(started.exitCode, started.stderr).toBe(0)
    expect(JSON.parse(started.stdout.replace('greeting world\n', ''))).toEqual({ greeting: 'Hello, world!', notes: ['Water the ferns.'] })
    const tested = await made.run(agent, 'npm', 'test')
    expect(tested.exitCode, tested.stdout + tested.stderr).toBe(0)
    expect(tested.stdout).toMatch(/pass 1\b/)
    const checked = await made.run(agent, 'npm', 'run', 'check')
    expect(checked.exitCode, checked.stdout).toBe(0)
  })
})
