import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Which rooms each room may import. The table in src/README.md is this one. */
const doors: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ['core'],
  cell: ['core', 'wire'],
  glue: ['core', 'wire', 'cell'],
  guest: [],
  host: ['core', 'wire'],
  cli: ['index.ts'],
  'index.ts': ['core', 'host'],
}

const crossings = /(?:from|import)\s*\(?\s*'#([^/']+)/g
const packages = /^(?:import |(?:import|export|\}) [^'\n]*?from )'([^#./'][^']*)'$/gm
const files = globSync('src/**/*.ts').filter((file) => !file.endsWith('.d.ts'))
const textOf = (file: string): string => readFileSync(file, 'utf8')
const roomOf = (file: string): string => file.split('/')[1] ?? ''
const importsOf = (file: string, pattern: RegExp): readonly string[] => [...textOf(file).matchAll(pattern)].map(([, target = '']) => target)

test('each room imports only the rooms it may', () => {
  expect(files.length).toBeGreaterThan(100)
  const wrong = files.flatMap((file) => {
    const room = roomOf(file)
    return importsOf(file, crossings)
      .filter((target) => target !== room && doors[room]?.includes(target) !== true)
      .map((target) => `${file} imports #${target}`)
  })
  expect(wrong).toEqual([])
})

test('nothing climbs out of its folder with a relative path', () => {
  // A `$` is no part of a path here: the line belongs to the source of an agent in a template.
  expect(files.filter((file) => /(?:from|import)\s*\(?\s*'\.\.\/[^'$]*'/.test(textOf(file)))).toEqual([])
})

test('core and wire know nothing of Node, and cells take no package from npm', () => {
  const ofRoom = (room: string): readonly string[] => files.filter((file) => roomOf(file) === room)
  const node = [...ofRoom('core'), ...ofRoom('wire')].flatMap((file) =>
    importsOf(file, packages)
      .filter((name) => name !== 'zod')
      .map((name) => `${file} imports ${name}`),
  )
  expect(node).toEqual([])
  const npm = [...ofRoom('cell'), ...ofRoom('glue')].flatMap((file) =>
    importsOf(file, packages)
      .filter((name) => !name.startsWith('node:'))
      .map((name) => `${file} imports ${name}`),
  )
  expect(npm).toEqual([])
})

test('what the cell loads never reaches a package, through core or wire either', () => {
  const seen = new Set<string>()
  const npm: string[] = []
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const types = textOf(file).replaceAll(/import type [^;\n]*?from '[^']*'/g, '')
    for (const [, name = ''] of types.matchAll(packages)) if (!name.startsWith('node:')) npm.push(`${file} imports ${name}`)
    for (const [, target = ''] of types.matchAll(/from '#([^']+)'/g)) visit(`src/${target}`)
    for (const [, target = ''] of types.matchAll(/from '\.\/([^']+)'/g)) visit(file.replace(/[^/]+$/, target))
  }
  for (const file of files.filter((each) => ['cell', 'glue'].includes(roomOf(each)))) visit(file)
  expect(seen.size).toBeGreaterThan(20)
  expect(npm).toEqual([])
})

/** Text that is code, with comments left out: a word in a sentence is no call. */
const codeOf = (file: string): string => textOf(file).replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, '')

/** How code is made from text, or loaded late, in JavaScript. */
const textToCode = /\beval\b|\bFunction\b|\bvm\b|\bimport\s*\(|\brequire\b|\bcreateRequire\b|\bimport\.meta\b/g

test('no code is made from text in the cell, and only the context for glue is made in glue', () => {
  // What `lock-down.ts` takes away it has to name.
  const found = (room: string): readonly string[] =>
    files
      .filter((file) => roomOf(file) === room && file !== 'src/cell/lock-down.ts')
      .flatMap((file) => [...codeOf(file).matchAll(textToCode)].map(([word]) => `${file}: ${word}`))
  expect(codeOf('src/cell/main.ts')).toContain('class Cell')
  expect(found('cell')).toEqual([])
  expect(found('glue')).toEqual(['src/glue/glue.ts: vm'])
})

test('a provider knows its own folder, core, wire, the secrets and the provider port', () => {
  const shared = /^src\/host\/(?:broker\/provider|providers\/(?:turns|host-addresses))\.ts$|^src\/host\/providers\/secrets\//
  const wrong = files
    .filter((file) => file.startsWith('src/host/providers/'))
    .flatMap((file) => {
      const [own = file] = /^src\/host\/providers\/[^/]+\//.exec(file) ?? []
      return [...textOf(file).matchAll(/from '#(host\/[^']+)'/g)]
        .map(([, target = '']) => `src/${target}`)
        .filter((target) => !shared.test(target) && !target.startsWith(own))
        .map((target) => `${file} imports ${target}`)
    })
  expect(wrong).toEqual([])
})

test('the map in src/README.md shows the same table', () => {
  const map = readFileSync('src/README.md', 'utf8')
  for (const [room, allowed] of Object.entries(doors)) {
    const row = new RegExp(
      `^\\| \`${room}\` \\| ${allowed.length === 0 ? 'nothing' : allowed.map((each) => `\`${each}\``).join(', ')} \\|`,
      'm',
    )
    expect(map, `a row for ${room}`).toMatch(row)
  }
})

test('every file is named in kebab-case', () => {
  expect(files.filter((file) => !/^src(\/[a-z0-9]+(-[a-z0-9]+)*)+\.ts$/.test(file))).toEqual([])
})

test('only the command line ends the process, and only one file of the log syncs or renames', () => {
  const exits = files.filter(
    (file) => /process\.exit\(/.test(textOf(file)) && !file.startsWith('src/cli/') && !/-entry\.ts$|\/entry-/.test(file),
  )
  expect(exits.filter((file) => !file.startsWith('src/cell/'))).toEqual([])
  const log = files.filter((file) => file.startsWith('src/host/log/') && /\brename\(|\.sync\(\)|datasync\(/.test(textOf(file)))
  expect(log).toEqual(['src/host/log/file-ops.ts'])
})
