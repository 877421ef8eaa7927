import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readComponent } from '#core/component/read-component.ts'
import { linkCheck } from '#core/implemented-interfaces.ts'
import { testCache } from '../../fixtures/test-home.ts'
import { runProgram } from './run-program.ts'
import { everyPackage, unstableFeatures, wasiVersion } from './wit-packages.ts'

/** `package/interface@version` of every interface in a text of nested packages. */
const interfacesIn = (packages: string): readonly string[] =>
  packages.split(/^package /m).flatMap((text) => {
    const [, id, version] = /^([a-z0-9:-]+)@([0-9a-z.-]+) \{/.exec(text) ?? []
    return [...text.matchAll(/^\s*interface ([a-z0-9-]+)/gm)].map(([, name]) => `${id}/${name}@${version}`)
  })

/** What an instance exports; everything else that has WIT is there to be imported. */
const exported = /^(?:wasi:cli\/run|wasi:http\/incoming-handler|cordon:agent\/run)@/

/** A component that imports all of `names`, every function of them, and does nothing. */
const importing = async (packages: string, names: readonly string[], version: string): Promise<Uint8Array> => {
  const world = `package test:all;\nworld all {\n${names.map((name) => `import ${name};`).join('\n')}\nexport wasi:cli/run@${version};\n}`
  const core = await componentEmbed({
    witSource: `${world}\n${packages}`,
    dummy: true,
    world: 'all',
    features: { tag: 'list', val: unstableFeatures },
  })
  return await componentNew(core, [])
}

const packages = await everyPackage()
const names = interfacesIn(packages).filter((name) => !exported.test(name))
const patches = Array.from({ length: 13 }, (_, patch) => `0.2.${patch}`)

describe('every interface of WASI 0.2 that has WIT here', () => {
  it('is found: those of the worlds wasi:cli/command and wasi:http/proxy, and beyond', () => {
    expect(names.length).toBeGreaterThan(35)
    for (const world of ['wasi:cli/command', 'wasi:http/proxy']) expect(packages).toContain(`world ${world.split('/')[1]} {`)
    for (const each of ['wasi:clocks/timezone', 'wasi:sockets/tcp', 'wasi:keyvalue/atomics', 'wasi:logging/logging', 'wasi:config/store'])
      expect(names.some((name) => name.startsWith(`${each}@`))).toBe(true)
  })

  it.each(names)('%s is linked', (name) => {
    expect(linkCheck([name])).toBeUndefined()
  })

  it.each(patches)('is linked as of %s', (patch) => {
    expect(linkCheck(names.map((name) => name.replace(`@${wasiVersion}`, `@${patch}`)))).toBeUndefined()
  })
})

describe('a component that imports every function of every interface', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cordon-interfaces-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  // Its `run` is `unreachable`: that it gets there shows that all its imports, with their types, were linked.
  it.each(['0.2.0', '0.2.6', wasiVersion])('is linked and started, built against %s', async (patch) => {
    const as = (text: string): string => text.replaceAll(`@${wasiVersion}`, `@${patch}`)
    const component = await importing(as(packages), names.map(as), patch)
    expect(readComponent(component).imports.length).toBeGreaterThanOrEqual(names.length)
    await writeFile(join(folder, 'all.wasm'), component)
    await writeFile(
      join(folder, 'all.json'),
      JSON.stringify({ exit_code: 1, stderr: 'cordon: the agent trapped: unreachable (agent.trap)\n' }),
    )
    const verdict = await runProgram(join(folder, 'all.wasm'), 'all', {
      timeoutMs: 60_000,
      options: [],
      cacheFolder: join(testCache, 'wasi-ingest'),
    })
    expect(verdict).toMatchObject({ verdict: 'pass', reason: '' })
  })
})
