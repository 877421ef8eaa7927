import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseAllow } from '#core/policy/parse-policy.ts'
import { readPolicies } from '#host/config/read-policies.ts'
import { buildWat } from './fixtures/build-wat.ts'
import { cordonHome, type Finished } from './fixtures/cordon-process.ts'

const root = new URL('..', import.meta.url).pathname
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const modules = join(root, 'node_modules')

/** The fenced blocks in order. */
const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ language, text }))
const textOf = (wanted: string): string => blocks.find(({ language }) => language === wanted)?.text ?? ''
const shellLines = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'))

const home = cordonHome()
afterAll(() => home[Symbol.dispose]())

const shell = (file: string, args: readonly string[]): Promise<Finished> =>
  new Promise((resolve) => {
    execFile(file, args, { cwd: home.folder, env: { ...home.environment } }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : null
      resolve({ exitCode, stdout, stderr })
    })
  })

/** Runs a line of the README; a shell takes it apart, so that its quotes mean what they mean to a reader. */
const perform = async (line: string): Promise<Finished> => {
  const { stdout } = await shell('/bin/sh', ['-c', `npx() { printf '%s\\0' "$@"; }; ${line}`])
  const [command, ...args] = stdout.split('\0').slice(0, -1)
  expect(command).toBe('cordon')
  return await home.cordon(args)
}

/** What the agent returned; what it said itself stands before that. */
const resultOf = ({ stdout }: Finished): unknown => JSON.parse(stdout.slice(stdout.indexOf('\n{') + 1))

const url = `'{"url":"https://example.com/"}'`

/** What each line of the five minutes is to come to. */
const expected: readonly (readonly [line: string, check: (finished: Finished) => void])[] = [
  ['npx cordon init my-agent', ({ stdout }) => expect(stdout).toContain('my-agent/agent.yaml')],
  [
    `npx cordon run my-agent --policy my-agent/policy.yaml --input '{"name":"Ada"}'`,
    (finished) => expect(resultOf(finished)).toEqual({ greeting: 'Hello, Ada!', notes: ['Water the ferns.'] }),
  ],
  [
    'npx cordon run my-agent',
    (finished) => {
      expect(resultOf(finished)).toEqual({ greeting: 'Hello, world!', notes: [] })
      expect(finished.stderr).toMatch(/deny {3}fs:read \/notes {2}not-granted/)
    },
  ],
  [
    `npx cordon run my-agent --policy my-agent/policy.yaml --input ${url}`,
    (finished) => {
      expect(resultOf(finished)).toMatchObject({ page: expect.stringMatching(/^not reached/) as string })
      expect(finished.stderr).toMatch(/deny .*net:request GET https:\/\/example\.com:443\/.*--allow-net=example\.com/)
    },
  ],
  [
    `npx cordon run my-agent --policy my-agent/policy.yaml --input ${url} --allow-net=example.com`,
    // The decision is what counts: whether the page answers is up to the network of the machine.
    ({ stderr }) => expect(stderr).toMatch(/allow .*net:request GET https:\/\/example\.com:443\//),
  ],
  [
    'npx cordon audit show --denied',
    ({ stdout }) => {
      expect(stdout).toMatch(/deny.*example\.com/)
      expect(stdout).not.toMatch(/\ballow (?!with)/)
    },
  ],
  ['npx cordon audit verify', ({ stdout }) => expect(stdout).not.toBe('')],
]

test('every fenced block is one that is run here', () => {
  expect(blocks.map(({ language }) => language).filter((language) => language !== 'sh')).toEqual(['ts', 'yaml', 'yaml'])
  expect(shellLines).toEqual(['npm ci && npm start', 'npm ci && npm test', ...expected.map(([line]) => line)])
})

describe('the five minutes', () => {
  for (const [line, check] of expected) {
    test(line, async () => {
      const finished = await perform(line)
      expect(finished.exitCode, finished.stderr).toBe(0)
      check(finished)
    })
  }
})

describe('the other ways in', () => {
  const inline = [...readme.matchAll(/`(cordon (?:run|eval)[^`]+)`/g)].map(([, line = '']) => line)

  test('are the ones that are run here', () => {
    expect(inline).toContain('cordon run agent.ts')
    expect(inline).toContain('cordon run component.wasm -- arguments')
    expect(inline).toContain(`cordon eval 'input.a * 2' --input '{"a":21}'`)
  })

  test('cordon run agent.ts', async () => {
    writeFileSync(join(home.folder, 'agent.ts'), 'export const run = (): { readonly done: boolean } => ({ done: true })\n')
    const { exitCode, stdout, stderr } = await perform('npx cordon run agent.ts')
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ done: true })
  })

  test('cordon run component.wasm -- arguments', async () => {
    writeFileSync(join(home.folder, 'component.wasm'), await buildWat('echoes-input'))
    expect(await perform('npx cordon run component.wasm -- arguments')).toMatchObject({ exitCode: 0 })
  })

  test('cordon eval', async () => {
    expect(await perform(`npx cordon eval 'input.a * 2' --input '{"a":21}'`)).toMatchObject({ exitCode: 0, stdout: '42\n' })
  })
})

describe('the embedding example', () => {
  test('runs against the agent that was just made', async () => {
    symlinkSync(modules, join(home.folder, 'node_modules'))
    writeFileSync(join(home.folder, 'package.json'), '{ "type": "module" }\n')
    writeFileSync(join(home.folder, 'embed.ts'), textOf('ts'))
    const hooks = join(root, 'test/fixtures/cordon-from-source.ts')
    const { exitCode, stdout, stderr } = await shell(process.execPath, ['--conditions=source', '--import', hooks, 'embed.ts'])
    expect(exitCode, stderr).toBe(0)
    expect(stdout).toContain(`{ greeting: 'Hello, Ada!', notes: [ 'Water the ferns.' ] }`)
    expect(stdout).toMatch(/\/notes\S* allow\n/)
    expect(stdout).toMatch(/^Hello, Ada!\nHello, Grace!\n\d+\n/m)
    expect(stdout).toMatch(/42 BEEPS\n$/)
  })

  test('agrees with the types', async () => {
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { cordon: [join(root, 'src/index.ts')] },
        typeRoots: [join(modules, '@types')],
      },
      include: ['embed.ts'],
    }
    writeFileSync(join(home.folder, 'tsconfig.json'), JSON.stringify(config))
    const { exitCode, stdout } = await shell(join(modules, '.bin/tsc'), ['-p', '.'])
    expect([exitCode, stdout]).toEqual([0, ''])
  })
})

test('the policy is one that Cordon reads', async () => {
  const file = join(home.folder, 'readme-policy.yaml')
  writeFileSync(file, textOf('yaml'))
  const [policy] = await readPolicies([file])
  expect([...(policy?.agents.keys() ?? [])]).toEqual(['briefing'])
})

test('npm start is the demo, which test/cli/demo.test.ts runs', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  expect(scripts['start']).toBe('node --conditions=source guests/briefing/demo.ts')
})

test('the mounts read as the grants that they are', () => {
  const mounts = blocks.filter(({ language }) => language === 'yaml')[1]?.text ?? ''
  const { grants } = parseAllow(parse(mounts), 'README.md', { folder: '/srv' })
  expect(grants.fs.map(({ mountKind, mode }) => [mountKind, mode])).toEqual([
    ['live', 'ro'],
    ['copy', 'rw'],
    ['memory', 'rw'],
  ])
})
