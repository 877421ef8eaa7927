/** What the template needs to know. */
export interface TemplateValues {
  /** Kebab-case. */
  readonly name: string
  /** Version of cordon that the agent is for. */
  readonly version: string
  /** Build tools with the ranges that were tried. */
  readonly tools: Readonly<Record<string, string>>
}

type Template = (values: TemplateValues) => string

const manifest: Template = ({ name }) => `# What the agent asks for. It gets what the operator's policy grants of this, and nothing else.
apiVersion: cordon/v1
name: ${name}
version: 0.1.0
source: src/${name}.ts
requests:
  net:
    - { host: "example.com:443", methods: [GET], why: "look up a page that the caller names" }
  fs:
    - { guest: /notes, mode: ro, why: "read the notes" }
  secrets: []
  env: []
limits: { timeout: 30s, memory: 128Mi, calls: 100 }
`

const policy: Template = ({
  name,
}) => `# What the operator grants. The agent also asks for example.com; that stays denied until it is granted here:
#   net: [{ host: "example.com:443", methods: [GET] }]
apiVersion: cordon/v1
kind: Policy
agents:
  ${name}:
    mounts:
      - { host: ./notes, guest: /notes, mode: ro }
`

const source: Template = () => `import { FileError, listFolder, readText } from 'cordon/guest'

/** What the caller gives. */
export interface Input {
  /** Who is greeted. */
  readonly name?: string
  /** A page to look up. */
  readonly url?: string
}

/** What the agent answers. */
export interface Answer {
  readonly greeting: string
  /** The first line of each note. */
  readonly notes: readonly string[]
  /** What came of looking up the page. */
  readonly page?: string
}

const readNotes = (): string[] => {
  try {
    const files = listFolder('/notes').filter(({ kind }) => kind === 'regular-file')
    return files.map(({ name }) => readText(\`/notes/\${name}\`).split('\\n')[0] ?? '')
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    console.error(\`no notes: \${error.message}\`)
    return []
  }
}

const lookUp = async (url: string): Promise<string> => {
  try {
    const response = await fetch(url)
    return \`\${response.status}, \${(await response.text()).length} characters\`
  } catch (error) {
    return \`not reached: \${error instanceof Error ? error.message : String(error)}\`
  }
}

/** Runs once for each task, in a sandbox of its own. */
export const run = async (input: Input | null): Promise<Answer> => {
  const { name = 'world', url } = input ?? {}
  console.log(\`greeting \${name}\`)
  const answer = { greeting: \`Hello, \${name}!\`, notes: readNotes() }
  return url === undefined ? answer : { ...answer, page: await lookUp(url) }
}
`

const test: Template = ({ name }) => `import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

import { createRuntime } from 'cordon'

import type { Answer } from '../src/${name}.ts'

const folder = join(import.meta.dirname, '..')
const audit = await mkdtemp(join(tmpdir(), '${name}-audit-'))
after(() => rm(audit, { recursive: true }))

test('greets, reads its notes, and is refused what the policy does not grant', async () => {
  await using runtime = await createRuntime({ policy: join(folder, 'policy.yaml'), audit })
  const agent = await runtime.load(folder)
  const { result, denials } = await agent.run<Answer>({ name: 'Ada', url: 'https://example.com/' })
  assert.equal(result.greeting, 'Hello, Ada!')
  assert.deepEqual(result.notes, ['Water the ferns.'])
  assert.match(result.page ?? '', /^not reached/)
  assert.equal(denials.length, 1)
})
`

const packageJson: Template = ({ name, version, tools }) =>
  `${JSON.stringify(
    {
      name,
      version: '0.1.0',
      private: true,
      type: 'module',
      scripts: {
        start: 'cordon run . --policy policy.yaml',
        build: 'cordon build .',
        test: 'node --test',
        check: 'tsc',
      },
      // Node comes along as a package, so that the scripts run on machines with an older one.
      devDependencies: { ...tools, '@types/node': '^26.0.0', cordon: version, node: '^26.0.0', typescript: '^7.0.0' },
      engines: { node: '>=26' },
      allowScripts: { esbuild: true, node: true },
    },
    undefined,
    2,
  )}\n`

const tsconfig: Template = () =>
  `${JSON.stringify(
    {
      compilerOptions: {
        target: 'es2022',
        lib: ['es2024', 'esnext.disposable'],
        module: 'nodenext',
        types: ['node'],
        noEmit: true,
        strict: true,
        verbatimModuleSyntax: true,
        erasableSyntaxOnly: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
      },
      include: ['src', 'test'],
    },
    undefined,
    2,
  )}\n`

const readme: Template = ({ name }) => `# ${name}

An agent for Cordon: it runs in a sandbox and reaches nothing but what a policy grants.

\`\`\`sh
npm install
npm start      # runs it under policy.yaml
npm test       # runs its test
\`\`\`

- \`src/${name}.ts\` is the agent: one exported function \`run\`, JSON in, JSON out.
- \`agent.yaml\` says what it asks for.
- \`policy.yaml\` says what it gets. Only the operator's copy counts: the agent cannot grant itself anything.

Try it with something that is not granted, and read how to grant it:

\`\`\`sh
npx cordon run . --policy policy.yaml --input '{"url":"https://example.com/"}'
\`\`\`
`

/** The files of a new agent by their path in its folder. */
export const templateFiles = (values: TemplateValues): ReadonlyMap<string, string> =>
  new Map([
    ['agent.yaml', manifest(values)],
    ['policy.yaml', policy(values)],
    [`src/${values.name}.ts`, source(values)],
    [`test/${values.name}.test.ts`, test(values)],
    ['notes/garden.txt', 'Water the ferns.\nNot the cactus.\n'],
    ['package.json', packageJson(values)],
    ['tsconfig.json', tsconfig(values)],
    ['README.md', readme(values)],
    ['.gitignore', 'node_modules/\ndist/\n'],
  ])
