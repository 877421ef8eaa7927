import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { parse } from 'yaml'

import { parseManifest } from '#core/manifest/manifest.ts'
import { buildAgent } from '#host/build/build-agent.ts'
import { initAgent } from '#host/build/init-agent.ts'
import { instantiateStock } from './stock-jco.ts'

vi.setConfig({ testTimeout: 300_000 })

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'cordon-init-test-'))
})
afterAll(() => rm(root, { recursive: true }))

test('a new agent has its manifest, source, policy, test and package', async () => {
  const folder = join(root, 'first-agent')
  const written = await initAgent({ folder })
  expect([...written].sort()).toEqual([
    '.gitignore',
    'README.md',
    'agent.yaml',
    'notes/garden.txt',
    'package.json',
    'policy.yaml',
    'src/first-agent.ts',
    'test/first-agent.test.ts',
    'tsconfig.json',
  ])
  for (const path of written) expect((await readFile(join(folder, path), 'utf8')).endsWith('\n')).toBe(true)
  const manifest = parseManifest(parse(await readFile(join(folder, 'agent.yaml'), 'utf8')), 'agent.yaml')
  expect(manifest).toMatchObject({ name: 'first-agent', source: 'src/first-agent.ts' })
  expect(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))).toMatchObject({
    name: 'first-agent',
    devDependencies: { '@bytecodealliance/componentize-js': '~0.23', esbuild: '~0.28' },
  })
})

test('its source builds and runs', async () => {
  const folder = join(root, 'running-agent')
  await initAgent({ folder })
  const entry = join(folder, 'src', 'running-agent.ts')
  const { component } = await buildAgent({ entry, engine: 'starlingmonkey', cacheDir: join(root, 'cache') })
  const agent = await instantiateStock(component, { preopens: { '/notes': join(folder, 'notes') } })
  const answer = await agent['cordon:agent/run@0.1.0']?.['run']?.('{"name":"Ada"}')
  expect(JSON.parse(String(answer))).toEqual({ greeting: 'Hello, Ada!', notes: ['Water the ferns.'] })
})

test('its source and test agree with the types of this package', async () => {
  const folder = join(root, 'typed-agent')
  await initAgent({ folder })
  const packageRoot = join(import.meta.dirname, '..', '..', '..')
  await symlink(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  const config = {
    extends: './tsconfig.json',
    compilerOptions: {
      customConditions: ['source'],
      lib: ['es2024', 'esnext.disposable', 'esnext.iterator', 'esnext.collection', 'esnext.array'],
      paths: { cordon: [join(packageRoot, 'src/index.ts')], 'cordon/guest': [join(packageRoot, 'src/guest/index.ts')] },
    },
    include: ['src', 'test', join(packageRoot, 'src/guest/wit.d.ts')],
  }
  await writeFile(join(folder, 'tsconfig.check.json'), JSON.stringify(config))
  const tsc = join(packageRoot, 'node_modules', '.bin', 'tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', 'tsconfig.check.json'], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout.split('\n').filter((line) => line.startsWith('src/') || line.startsWith('test/'))).toEqual([])
})

test('a folder that holds something is left alone', async () => {
  const folder = join(root, 'occupied')
  await mkdir(folder)
  await writeFile(join(folder, 'mine.txt'), 'mine')
  await expect(initAgent({ folder })).rejects.toMatchObject({ code: 'bundle.invalid', message: expect.stringContaining('`mine.txt`') })
  expect(await readdir(folder)).toEqual(['mine.txt'])
})

test.each(['Upper', '../out', 'a--b', '', 'x'.repeat(65), 'a b'])('the name `%s` is refused', async (name) => {
  const folder = join(root, `named-${Math.abs(name.length)}-${name.replaceAll(/\W/g, '_')}`)
  await expect(initAgent({ folder, name })).rejects.toMatchObject({ code: 'bundle.invalid', hint: expect.stringContaining('--name') })
})
