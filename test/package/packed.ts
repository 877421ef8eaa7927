import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { testCache } from '../fixtures/test-home.ts'

const root = new URL('../..', import.meta.url).pathname

/** What a command came to. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The package as npm makes it, and projects that use it. */
export interface Packed extends Disposable {
  /** Paths in the tarball. */
  readonly files: readonly string[]
  /** A project with the tarball installed and nothing else. */
  readonly project: string
  /** A project that has the package and, as links, whatever this repository has installed: the build tools among it. */
  readonly equipped: string
  /** Runs a command in a folder as its user would, with the Node of this test. */
  readonly run: (folder: string, command: string, ...args: readonly string[]) => Promise<Outcome>
}

const runner = (home: string): Packed['run'] => {
  const cache = join(home, 'cache')
  mkdirSync(cache, { recursive: true })
  mkdirSync(testCache, { recursive: true })
  symlinkSync(testCache, join(cache, 'cordon'))
  return (folder, command, ...args) => {
    const { PATH = '', HOME, ...rest } = process.env
    const npm = Object.fromEntries(Object.entries(rest).filter(([name]) => !/^npm_|^NODE_OPTIONS$|^VITEST/i.test(name)))
    const env = {
      ...npm,
      ...(HOME !== undefined && { HOME }),
      PATH: [join(folder, 'node_modules/.bin'), dirname(process.execPath), PATH].join(delimiter),
      XDG_STATE_HOME: join(home, 'state'),
      XDG_CACHE_HOME: cache,
      npm_config_update_notifier: 'false',
    }
    return new Promise((resolve) => {
      const child = execFile(command, args, { cwd: folder, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ exitCode, stdout, stderr })
      })
      child.stdin?.end()
    })
  }
}

const succeeded = ({ exitCode, stdout, stderr }: Outcome): string => {
  if (exitCode !== 0) throw new Error(`expected exit code 0, got ${exitCode}:\n${stdout}\n${stderr}`)
  return stdout
}

/** A copy of the sources with something stale in `dist`, so that packing neither disturbs other tests nor gets help from earlier builds. */
const copyOfSources = (folder: string): void => {
  for (const name of ['package.json', 'tsconfig.json', 'README.md', 'src', 'wit', 'test']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'dist'))
  writeFileSync(join(folder, 'dist/stale.js'), 'throw new Error()\n')
}

const linkInstalled = (from: string, to: string): void => {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    if (name === '.bin') continue
    symlinkSync(join(from, name), join(to, name))
  }
}

/** Packs the repository and installs the tarball. */
export const packed = async (): Promise<Packed> => {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-package-'))
  const run = runner(join(folder, 'home'))
  const sources = join(folder, 'sources')
  mkdirSync(sources)
  copyOfSources(sources)
  succeeded(await run(sources, 'npm', 'pack', '--pack-destination', folder))
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
  const files = succeeded(await run(folder, 'tar', '-tzf', tarball))
    .trim()
    .split('\n')

  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n')
  succeeded(await run(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)))

  const equipped = join(folder, 'equipped')
  const modules = join(equipped, 'node_modules')
  linkInstalled(join(root, 'node_modules'), modules)
  cpSync(join(project, 'node_modules/cordon'), join(modules, 'cordon'), { recursive: true })
  mkdirSync(join(modules, '.bin'))
  for (const [name, target] of [
    ['cordon', '../cordon/dist/cli/cordon.js'],
    ['tsc', '../typescript/bin/tsc'],
  ] as const) {
    symlinkSync(target, join(modules, '.bin', name))
  }
  return { files, project, equipped, run, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
