import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import { decide } from '#core/policy/decide.ts'
import { effectiveFor, parseAllowOption } from '#host/config/effective-for.ts'
import { bundleFile } from '#host/config/bundle-file.ts'
import { readManifest } from '#host/config/read-manifest.ts'
import { readPolicies } from '#host/config/read-policies.ts'
import { resolveMountFolder } from '#host/config/resolve-mount.ts'
import { resolveSecretSource } from '#host/config/resolve-secret.ts'

let folder = ''
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'cordon-config-')))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** `code | message | hint` of the refusal, the test's own folder written as `DIR`. */
const refusal = async (act: () => unknown): Promise<string> => {
  try {
    await act()
  } catch (error) {
    if (error instanceof CordonError) return `${error.code} | ${error.message} | ${error.hint ?? ''}`.replaceAll(folder, 'DIR')
    throw error
  }
  throw new TypeError('expected a CordonError, got none')
}

let count = 0
/** A folder of its own with these files. */
const folderWith = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<string> => {
  count += 1
  const path = join(folder, String(count))
  await mkdir(path)
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
  return path
}
const manifestRefusal = async (content: string | Uint8Array): Promise<string> => {
  const path = await folderWith({ 'agent.yaml': content })
  return await refusal(() => readManifest(path))
}

const manifest = `apiVersion: cordon/v1
name: briefing
version: 1.0.0
source: src/briefing.ts          # built by \`cordon build\`
requests:
  net:     [{ host: "api.example.com:443", methods: [GET], paths: ["/v1/*"], why: "read today's items" }]
  fs:      [{ guest: /inbox, mode: ro, why: "letters to summarise" }, { guest: /out, mode: rw, quota: 10Mi }]
  secrets: [{ name: api-key, why: "authenticate to the API" }]
  env: []
limits: { timeout: 30s, cpuTime: 5s, fuel: 5G, memory: 64Mi, output: 1Mi, calls: 1000, egress: 5Mi, handles: 256 }
`
const policy = `apiVersion: cordon/v1
kind: Policy
agents:
  briefing:                      # or a digest
    net:     [{ host: "api.example.com:443", methods: [GET], paths: ["/v1/items*"], secret: api-key }]
    mounts:  [{ host: ./letters, guest: /inbox, mode: ro }, { host: ./out, guest: /out, mode: rw }]
    secrets: { api-key: { from: "env://BRIEFING_KEY", inject: { header: authorization, format: "Bearer {secret}" } } }
    limits:  { timeout: 20s }
floor: { deny: { net: [{ host: "169.254.0.0/16" }] } }
`

describe('the example of the documentation', () => {
  test('becomes a policy that decides', async () => {
    const bundle = await folderWith({ 'agent.yaml': manifest })
    const operator = await folderWith({ 'policy.yaml': policy })
    await mkdir(join(operator, 'letters'))
    await mkdir(join(operator, 'out'))
    const agent = { name: 'briefing', digest: '', manifest: await readManifest(bundle) }
    const effective = effectiveFor({ agent, policies: await readPolicies([join(operator, 'policy.yaml')]), layers: [] })
    const request = {
      action: 'net:request',
      scheme: 'https',
      method: 'GET',
      host: 'api.example.com',
      port: 443,
      path: '/v1/items/1',
    } as const
    expect(decide(effective, request)).toMatchObject({ effect: 'allow', rule: { secret: 'api-key', origin: `${operator}/policy.yaml:5` } })
    expect(decide(effective, { ...request, path: '/v1/other' })).toMatchObject({ effect: 'deny', reason: 'not-granted' })
    expect(decide(effective, { ...request, port: 8443 })).toMatchObject({ effect: 'deny', reason: 'not-requested' })
    expect(effective.grants.fs.map(({ hostPath }) => hostPath)).toEqual([join(operator, 'letters'), join(operator, 'out')])
    expect(effective.limits).toMatchObject({ timeoutMs: 20_000, cpuTimeMs: 5000, memoryBytes: 67_108_864 })
    expect(effective.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  test('grants nothing of a mount whose folder is missing: the run is refused', async () => {
    const operator = await folderWith({ 'policy.yaml': policy })
    const policies = await readPolicies([join(operator, 'policy.yaml')])
    const agent = { name: 'briefing', digest: '', manifest: undefined }
    expect(await refusal(() => effectiveFor({ agent, policies, layers: [] }))).toBe(
      `mount.invalid | DIR/${count}/policy.yaml:6: expected a folder at \`DIR/${count}/letters\`, got nothing | create the folder, or correct the path`,
    )
  })
})

describe('agent.yaml', () => {
  test.each([
    ['name: a\nname: b\n', 'agent.yaml:2:1: expected plain YAML, got a fault: duplicate key | correct the line'],
    ['a: [1\n', 'agent.yaml:2:1: expected plain YAML, got a fault: bad indent | correct the line'],
    ['a: !!js/function "x"\n', 'agent.yaml:1:4: expected plain YAML, got a fault: tag resolve failed | correct the line'],
    ['a: !custom x\n', 'agent.yaml:1:4: expected plain YAML, got a fault: tag resolve failed | correct the line'],
    [
      'a: !!binary aGk=\n',
      'agent.yaml:1: expected text, a number, true or false, a list or an object at `a`, got an object of another kind | give plain data',
    ],
    ['a: &x 1\nb: *x\n', 'agent.yaml: expected plain YAML, got anchors or aliases | write each value out'],
    ['a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n', 'agent.yaml: expected plain YAML, got anchors or aliases | write each value out'],
    ['a: 1\n---\nb: 2\n', 'agent.yaml: expected one document, got several | remove `---`'],
    ['', 'agent.yaml: expected a document, got nothing | fill the file'],
    ['# only a comment\n', 'agent.yaml: expected a document, got nothing | fill the file'],
    ['{ [1]: 2 }\n', 'agent.yaml:1:3: expected plain YAML, got a fault: non string key | correct the line'],
    ['hello\n', 'agent.yaml:1: expected an object with `apiVersion`, `name` and `version`, got `hello` | correct it'],
    ['- a\n', 'agent.yaml:1: expected an object with `apiVersion`, `name` and `version`, got a list | correct it'],
    [
      manifest.replace('limits:', '<<:'),
      'agent.yaml:10: unknown field `<<` | known here: apiVersion, name, version, description, source, component, engine, requests, limits',
    ],
    ['__proto__: { name: a }\n', 'agent.yaml:1: expected a field of another name at `__proto__`, got `__proto__` | remove it'],
    [
      `${manifest}grants: {}\n`,
      'agent.yaml:11: unknown field `grants` | known here: apiVersion, name, version, description, source, component, engine, requests, limits',
    ],
    [
      manifest.replace('[GET]', '[get]'),
      'agent.yaml:6: expected an HTTP method in upper case, not CONNECT, TRACE or TRACK at `requests.net[0].methods[0]`, got `get` | correct it',
    ],
    [
      manifest.replace('version: 1.0.0', 'version: 1.0'),
      'agent.yaml:3: expected a version such as `1.0.0` at `version`, got `1` | put it in quotes if YAML takes it for a number',
    ],
    [manifest.replace('env: []', 'env:'), 'agent.yaml:9: expected a list at `requests.env`, got nothing | write `[]` for nothing'],
  ])('%j is refused', async (content, expected) => {
    expect(await manifestRefusal(content)).toBe(`manifest.invalid | ${expected}`)
  })

  test('is refused when it is not UTF-8, or too long, or nests too deep', async () => {
    expect(await manifestRefusal(Uint8Array.of(0x61, 0xff))).toBe(
      'manifest.invalid | agent.yaml: expected UTF-8 text, got other bytes | save it as UTF-8',
    )
    expect(await manifestRefusal(`a: ${'x'.repeat(64 * 1024)}`)).toBe(
      'manifest.invalid | agent.yaml: expected at most 64 KiB, got more | shorten the file',
    )
    const deep = 'manifest.invalid | agent.yaml: expected shallow nesting, got very deep nesting | nest less'
    expect(await manifestRefusal('['.repeat(60_000))).toBe(deep)
    expect(await manifestRefusal('{a: '.repeat(15_000))).toBe(deep)
    expect(await manifestRefusal('- '.repeat(30_000))).toBe(deep)
    const stairs = Array.from({ length: 340 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
    expect(await manifestRefusal(stairs)).toContain('agent.yaml:18: expected at most 16 levels')
    const policies = await folderWith({ 'policy.yaml': Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n') })
    expect(await refusal(() => readPolicies([policies]))).toContain('expected shallow nesting, got very deep nesting')
    expect(await manifestRefusal(`${'- '.repeat(63)}x`)).toContain('manifest.invalid | agent.yaml')
  })

  test('never shows the text of a line that cannot be parsed', async () => {
    expect(await manifestRefusal('key: "hunter2\n')).not.toContain('hunter2')
  })

  test('takes little time to be refused, however it is written', async () => {
    const units = ['"', "'", 'a: b: ', '? ', 'a:\n', '&a ', '!a ', '\t', '- a\n ', '*', '%YAML 1.2\n', '[]', '{}', '}', 'a: [1\n', '---\n']
    const nasty = units.map((unit) => unit.repeat(64_000 / unit.length))
    nasty.push(Array.from({ length: 8000 }, (_, index) => `k${index}: 1`).join('\n'))
    for (const text of nasty) {
      const started = process.cpuUsage()
      expect(await manifestRefusal(text)).toContain('manifest.invalid | agent.yaml')
      const { user, system } = process.cpuUsage(started)
      expect((user + system) / 1000, text.slice(0, 10)).toBeLessThan(5000)
    }
  })

  test('must be there, and be a file of its own: no link, no pipe, no folder', async () => {
    const empty = await folderWith({})
    expect(await refusal(() => readManifest(empty))).toBe('manifest.invalid | agent.yaml: expected a file, got nothing | check the path')
    const linked = await folderWith({ 'other.yaml': manifest })
    await symlink('/etc/hostname', join(linked, 'agent.yaml'))
    expect(await refusal(() => readManifest(linked))).toBe(
      'manifest.invalid | agent.yaml: expected a file, got a symbolic link | put the file itself there',
    )
    const piped = await folderWith({})
    execFileSync('mkfifo', [join(piped, 'agent.yaml')])
    expect(await refusal(() => readManifest(piped))).toBe(
      'manifest.invalid | agent.yaml: expected a regular file, got something else | name a YAML file',
    )
    const nested = await folderWith({})
    await mkdir(join(nested, 'agent.yaml'))
    expect(await refusal(() => readManifest(nested))).toBe(
      'manifest.invalid | agent.yaml: expected a regular file, got something else | name a YAML file',
    )
  })
})

describe('policies', () => {
  const small = (name: string): string => `apiVersion: cordon/v1\nkind: Policy\nagents:\n  ${name}: { tools: [search] }\n`

  test('are all the YAML files of a folder by name, and none below or hidden', async () => {
    const path = await folderWith({ 'b.yaml': small('bb'), 'a.yml': small('aa'), 'readme.md': '#', '.hidden.yaml': 'broken: [' })
    await mkdir(join(path, 'below.d'))
    await writeFile(join(path, 'below.d', 'c.yaml'), small('cc'))
    const read = await readPolicies([path])
    expect(read.map(({ agents }) => Array.from(agents.keys()))).toEqual([['aa'], ['bb']])
  })

  test('may be reached through links, as mounted configuration is', async () => {
    const path = await folderWith({ 'real.yaml': small('aa') })
    await symlink('real.yaml', join(path, 'policy.yaml'))
    expect(await readPolicies([join(path, 'policy.yaml')])).toHaveLength(1)
  })

  test('of which one is broken are all refused', async () => {
    const path = await folderWith({ 'a.yaml': small('aa'), 'b.yaml': 'apiVersion: cordon/v1\nkind: Policy\nagent: {}\n' })
    expect(await refusal(() => readPolicies([path]))).toBe(
      `policy.invalid | DIR/${count}/b.yaml:3: unknown field \`agent\`, did you mean \`agents\` | known here: apiVersion, kind, agents, floor`,
    )
  })

  test('that are named must be there', async () => {
    expect(await refusal(() => readPolicies([join(folder, 'none.yaml')]))).toBe(
      'policy.invalid | DIR/none.yaml: expected a policy file or folder, got nothing | check the path given to --policy',
    )
    const empty = await folderWith({})
    expect(await refusal(() => readPolicies([empty]))).toBe(
      `policy.invalid | DIR/${count}: expected \`.yaml\` files in the folder, got none | a folder without policy grants nothing: name the file`,
    )
    expect(await readPolicies([])).toEqual([])
  })

  test('the `allow` option takes the same shapes', async () => {
    expect(parseAllowOption({ tools: ['search'] }).grants.tools).toHaveLength(1)
    expect(await refusal(() => parseAllowOption({ tool: [] }))).toContain(
      'grant.invalid | allow: unknown field `tool`, did you mean `tools`',
    )
    const agent = { name: 'a', digest: '', manifest: undefined }
    expect(await refusal(() => effectiveFor({ agent, policies: [], layers: [], limits: { timeoutMs: -1 } }))).toContain(
      'input.invalid | limits: expected a whole number',
    )
  })
})

describe('files of a bundle', () => {
  test('are given by their real path, links inside included', async () => {
    const path = await folderWith({ 'agent.wasm': 'x' })
    await symlink('agent.wasm', join(path, 'link.wasm'))
    await symlink(path, join(folder, 'bundle-link'))
    expect(await bundleFile(path, 'agent.wasm')).toBe(join(path, 'agent.wasm'))
    expect(await bundleFile(join(folder, 'bundle-link'), 'link.wasm')).toBe(join(path, 'agent.wasm'))
  })

  test('are files, are there, and lie in the bundle', async () => {
    const path = await folderWith({})
    await symlink('/etc/passwd', join(path, 'leaf.wasm'))
    await symlink('/etc', join(path, 'dir'))
    await symlink('/dev/zero', join(path, 'endless.wasm'))
    await symlink('..', join(path, 'up'))
    execFileSync('mkfifo', [join(path, 'pipe.wasm')])
    const out = 'inside the bundle, got a link that leads out of it | put the file itself into the bundle'
    for (const name of ['leaf.wasm', 'dir/passwd', 'endless.wasm', `up/${count - 1}/agent.wasm`]) {
      expect(await refusal(() => bundleFile(path, name))).toBe(`bundle.invalid | expected \`${name}\` ${out}`)
    }
    expect(await refusal(() => bundleFile(path, 'pipe.wasm'))).toBe(
      'bundle.invalid | expected `pipe.wasm` to be a file, got something else | name a file',
    )
    expect(await refusal(() => bundleFile(path, 'none.wasm'))).toBe(
      'bundle.not-found | expected `none.wasm` in the bundle, found nothing | check the path in agent.yaml, or run `cordon build` first',
    )
  })
})

describe('mount folders', () => {
  test('are given by their real path', async () => {
    const path = await folderWith({})
    await symlink(path, join(folder, 'link'))
    expect(resolveMountFolder(join(folder, 'link'), 'policy.yaml:3')).toBe(path)
  })

  test('must be there and be folders', async () => {
    const path = await folderWith({ file: 'x' })
    expect(await refusal(() => resolveMountFolder(join(path, 'none'), 'policy.yaml:3'))).toBe(
      `mount.invalid | policy.yaml:3: expected a folder at \`DIR/${count}/none\`, got nothing | create the folder, or correct the path`,
    )
    expect(await refusal(() => resolveMountFolder(join(path, 'file'), '--mount'))).toBe(
      `mount.invalid | --mount: expected a folder at \`DIR/${count}/file\`, got something else | mount the folder that holds it`,
    )
    expect(await refusal(() => resolveMountFolder(join(path, 'file/below'), '--mount'))).toContain('got nothing')
    await symlink('loop', join(path, 'loop'))
    expect(await refusal(() => resolveMountFolder(join(path, 'loop'), '--mount'))).toContain('got ELOOP')
  })

  test('never overlap a folder of Cordon’s own, from above or below, by whatever link', async () => {
    const path = await folderWith({})
    await mkdir(join(path, 'state/keys'), { recursive: true })
    await mkdir(join(path, 'letters'))
    await symlink('state', join(path, 'innocent'))
    const mounting = (host: string) => () =>
      effectiveFor({
        agent: { name: 'a', digest: '', manifest: undefined },
        policies: [],
        layers: [parseAllowOption({ mounts: [{ host: join(path, host), guest: '/in' }] })],
        ownFolders: [join(path, 'innocent/keys'), join(path, 'not-yet')],
      })
    for (const host of ['.', 'state', 'state/keys', 'innocent']) expect(await refusal(mounting(host))).toContain('apart from Cordon')
    expect(mounting('letters')().grants.fs).toHaveLength(1)
  })

  test('a link to a forbidden folder is refused by where it leads', async () => {
    const path = await folderWith({})
    await symlink('/proc', join(path, 'innocent'))
    const layers = [parseAllowOption({ mounts: [{ host: join(path, 'innocent'), guest: '/in' }] })]
    const agent = { name: 'a', digest: '', manifest: undefined }
    expect(await refusal(() => effectiveFor({ agent, policies: [], layers }))).toContain(
      'mount.invalid | allow mounts[0]: expected a folder outside of /proc, /sys, /dev, got `/proc`',
    )
  })
})

describe('secrets', () => {
  const environment = { KEY: 'hunter2', EMPTY: '', LINES: 'a\nb' }

  test('come from variables and files, a file without its last line break', async () => {
    const path = await folderWith({ key: 'hunter2\n', windows: 'hunter2\r\n', exact: 'hunter2' })
    expect(await resolveSecretSource('env://KEY', environment)).toBe('hunter2')
    for (const name of ['key', 'windows', 'exact']) expect(await resolveSecretSource(`file://${path}/${name}`)).toBe('hunter2')
  })

  test('that are not to be had name where they were sought, and never what was found', async () => {
    const path = await folderWith({
      empty: '',
      lines: 'hunter2\nhunter3\n',
      binary: Uint8Array.of(0x68, 0xff),
      null: 'hunter2\0',
      long: 'h'.repeat(70_000),
    })
    const sources = [
      'env://UNSET',
      'env://EMPTY',
      'env://LINES',
      'env://__proto__',
      'env://toString',
      `file://${path}/none`,
      `file://${path}/empty`,
      `file://${path}/lines`,
      `file://${path}/binary`,
      `file://${path}/null`,
      `file://${path}/long`,
      `file://${path}`,
      'hunter2',
      'file://hunter2',
      '',
    ]
    const said = await Promise.all(sources.map((source) => refusal(() => resolveSecretSource(source, environment))))
    const at = `DIR/${count}`
    const form =
      'secret.unavailable | expected a source `env://NAME` or `file:///path`, got text of another form | put the secret into a variable or a file and name that'
    const lines = 'got one with line breaks or null characters | store it on one line'
    expect(said).toEqual([
      'secret.unavailable | expected a secret at `env://UNSET`, got no such variable | set `UNSET` before the run',
      'secret.unavailable | expected a secret at `env://EMPTY`, got an empty one | fill it',
      `secret.unavailable | expected a secret at \`env://LINES\`, ${lines}`,
      'secret.unavailable | expected a secret at `env://__proto__`, got no such variable | set `__proto__` before the run',
      'secret.unavailable | expected a secret at `env://toString`, got no such variable | set `toString` before the run',
      `secret.unavailable | expected a secret at \`file://${at}/none\`, got no such file | check the path and its permissions`,
      `secret.unavailable | expected a secret at \`file://${at}/empty\`, got an empty one | fill it`,
      `secret.unavailable | expected a secret at \`file://${at}/lines\`, ${lines}`,
      `secret.unavailable | expected a secret at \`file://${at}/binary\`, got bytes that are not UTF-8 | store the secret as text`,
      `secret.unavailable | expected a secret at \`file://${at}/null\`, ${lines}`,
      `secret.unavailable | expected a secret at \`file://${at}/long\`, got more than 64 KiB | name a file that holds the secret alone`,
      `secret.unavailable | expected a secret at \`file://${at}\`, got something that is no file | name a file`,
      form,
      form,
      form,
    ])
    expect(said.join()).not.toContain('hunter')
  })

  test('a pipe that nobody writes to does not hang the host', async () => {
    const path = await folderWith({})
    execFileSync('mkfifo', [join(path, 'pipe')])
    expect(await refusal(() => resolveSecretSource(`file://${path}/pipe`))).toContain('got something that is no file')
  })
})
