import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildBundle } from '#host/bundle/build-bundle.ts'
import { loadBundle } from '#host/bundle/load-bundle.ts'
import { testCache } from '../../fixtures/test-home.ts'

let root: string
let bundle: string
const options = { cacheDir: testCache }

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cordon-bundle-'))
  bundle = join(root, 'bundle')
  mkdirSync(bundle)
  writeFileSync(join(root, 'secret'), 'a file of the host')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const manifest = (what: string): void =>
  writeFileSync(join(bundle, 'agent.yaml'), `apiVersion: cordon/v1\nname: evil\nversion: 1.0.0\n${what}\n`)
const fifo = (path: string): void => void spawnSync('mkfifo', [path])

describe('A16: what a bundle names is its own', () => {
  test('a component that is a link to a device, or to a file of the host, is not read', async () => {
    manifest('component: agent.wasm')
    for (const target of ['/dev/zero', join(root, 'secret'), '../secret', '/proc/self/environ']) {
      rmSync(join(bundle, 'agent.wasm'), { force: true })
      symlinkSync(target, join(bundle, 'agent.wasm'))
      await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
    }
  })

  test('a folder on the way that is a link out is no way out', async () => {
    manifest('component: dist/secret')
    symlinkSync(root, join(bundle, 'dist'))
    await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
  })

  test('a component that is a pipe does not hold anything up', async () => {
    manifest('component: agent.wasm')
    fifo(join(bundle, 'agent.wasm'))
    await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
    fifo(join(root, 'alone.wasm'))
    await expect(loadBundle(join(root, 'alone.wasm'), options)).rejects.toMatchObject({ code: 'bundle.invalid' })
  })

  test('a component of a terabyte is refused by its length', async () => {
    manifest('component: agent.wasm')
    writeFileSync(join(bundle, 'agent.wasm'), '')
    truncateSync(join(bundle, 'agent.wasm'), 2 ** 40)
    await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'component.invalid' })
  })

  test('a source that is a link out of the bundle is neither run nor built', async () => {
    manifest('source: agent.ts\nengine: quickjs')
    writeFileSync(join(root, 'other.ts'), 'export const run = () => 1')
    symlinkSync('../other.ts', join(bundle, 'agent.ts'))
    await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
    await expect(buildBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
  })

  test('a manifest that is a pipe, a link, a folder or huge is refused', async () => {
    const path = join(bundle, 'agent.yaml')
    const plant: readonly (() => void)[] = [
      () => fifo(path),
      () => symlinkSync('/dev/zero', path),
      () => symlinkSync('../secret', path),
      () => mkdirSync(path),
      () => {
        writeFileSync(path, '')
        truncateSync(path, 2 ** 40)
      },
    ]
    for (const each of plant) {
      rmSync(path, { recursive: true, force: true })
      each()
      await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'manifest.invalid' })
    }
  })
})

describe('building writes into the bundle, not through its links', () => {
  beforeEach(() => {
    manifest('source: agent.js\nengine: quickjs')
    writeFileSync(join(bundle, 'agent.js'), 'export const run = () => 1')
  })

  test('a draft that the bundle brings along is not written through', async () => {
    mkdirSync(join(bundle, 'dist'))
    symlinkSync(join(root, 'secret'), join(bundle, 'dist', 'evil.wasm.new'))
    symlinkSync(join(root, 'secret'), join(bundle, 'dist', 'evil.wasm'))
    const built = await buildBundle(bundle, options)
    expect(readFileSync(join(root, 'secret')).equals(Buffer.from('a file of the host'))).toBe(true)
    expect(lstatSync(built.path).isFile() && lstatSync(built.path).size).toBe(built.bytes)
    expect(readdirSync(join(bundle, 'dist')).toSorted()).toEqual(['evil.wasm', 'evil.wasm.new'])
  })

  test('a folder `dist` that leads elsewhere is refused, unless the operator names it', async () => {
    mkdirSync(join(root, 'elsewhere'))
    symlinkSync('../elsewhere', join(bundle, 'dist'))
    await expect(buildBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
    expect(readdirSync(join(root, 'elsewhere'))).toEqual([])
    const out = join(bundle, 'dist', 'mine.wasm')
    expect((await buildBundle(bundle, { ...options, out })).path).toBe(out)
  })
})

test('building a single file is refused with the way to run it', async () => {
  const file = join(root, 'alone.ts')
  writeFileSync(file, 'export const run = () => 1')
  await expect(buildBundle(file, options)).rejects.toMatchObject({
    code: 'bundle.invalid',
    message: `expected a folder with an agent.yaml to build, got the file \`${file}\``,
    hint: expect.stringContaining(`\`cordon run ${file}\``),
  })
  manifest('source: agent.js')
  await expect(buildBundle(join(bundle, 'agent.yaml'), options)).rejects.toMatchObject({
    code: 'bundle.invalid',
    hint: expect.stringContaining(`\`cordon build ${bundle}\``),
  })
  await expect(buildBundle(join(root, 'nowhere'), options)).rejects.toMatchObject({ code: 'manifest.invalid' })
})

describe('the bundler is not held up', () => {
  const plants: readonly (readonly [string, () => void])[] = [
    ['a pipe that is imported', () => fifo(join(bundle, 'x.js'))],
    ['a pipe as tsconfig.json', () => fifo(join(bundle, 'tsconfig.json'))],
    ['a pipe as package.json', () => fifo(join(bundle, 'package.json'))],
    ['a device as package.json', () => symlinkSync('/dev/zero', join(bundle, 'package.json'))],
    [
      'a link to a pipe',
      () => (mkdirSync(join(bundle, 'a')), fifo(join(bundle, 'a', 'pipe')), symlinkSync('a/pipe', join(bundle, 'x.js'))),
    ],
  ]

  test.each(plants)('by %s', async (_name, plant) => {
    manifest('source: agent.js\nengine: quickjs')
    writeFileSync(join(bundle, 'agent.js'), "import './x.js'; export const run = () => 1")
    plant()
    await expect(loadBundle(bundle, options)).rejects.toMatchObject({ code: 'bundle.invalid' })
  })

  test('by a tsconfig.json that extends a device', async () => {
    manifest('source: agent.js\nengine: quickjs')
    writeFileSync(join(bundle, 'agent.js'), 'export const run = () => 1')
    writeFileSync(join(bundle, 'tsconfig.json'), '{ "extends": "/dev/zero" }')
    expect((await loadBundle(bundle, options)).name).toBe('evil')
  })
})
