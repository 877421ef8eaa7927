import { execFile } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const violations = join(root, 'test/fixtures/violations')
const files = globSync('src/**/*.ts', { cwd: violations })

/** `rule` of what oxlint reports, by file. */
const reported = new Map<string, string[]>()
const project = mkdtempSync(join(tmpdir(), 'cordon-violations-'))

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[]
}

// The rooms of a lint configuration are found from the folder it lies in, so the violations get a project of their own.
beforeAll(async () => {
  for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json', 'src'])
    cpSync(join(root, name), join(project, name), { recursive: true })
  cpSync(join(violations, 'src'), join(project, 'src'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
  const run = promisify(execFile)(join(root, 'node_modules/.bin/oxlint'), ['--type-aware', '--format=json', ...files], {
    cwd: project,
    maxBuffer: 1 << 26,
  })
  const text = await run.then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  )
  for (const { code, filename } of (JSON.parse(text) as Report).diagnostics)
    reported.set(filename, [...(reported.get(filename) ?? []), code])
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

test('there are violations of every room', () => {
  const rooms = new Set(files.map((file) => file.split('/')[1]))
  expect(rooms).toEqual(new Set(['cell', 'cli', 'core', 'glue', 'guest', 'host', 'index.ts', 'wire']))
})

test.for(files.map((file) => [file] as const))('%s is reported for the rule that it breaks', ([file]) => {
  const [, rule] = /^\/\/ breaks: (\S+)$/m.exec(readFileSync(join(violations, file), 'utf8')) ?? []
  expect(rule).toBeDefined()
  expect(reported.get(file)).toContain(rule)
})
