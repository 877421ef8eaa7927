import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildAgent, type GuestEngine } from '#host/build/build-agent.ts'
import type { SessionStart } from '#wire/messages.ts'
import { ingested, type TestArtifact } from '../component-of.ts'
import { TestCell, type Ended } from '../test-cell.ts'
import { MemoryHost, type Tree } from './memory-host.ts'

/** Components built once and kept between runs of the tests. */
const cacheDir = new URL('../../../node_modules/.cache/cordon-tests', import.meta.url).pathname

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cordon-adapters-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Builds a TypeScript agent and ingests it in this process. */
const artifactOf = async (engine: GuestEngine, source: string): Promise<TestArtifact> => {
  const entry = join(folder, `${engine}.ts`)
  await writeFile(entry, source)
  const { component } = await buildAgent({ entry, engine, cacheDir })
  return ingested(component)
}

interface Ran {
  readonly host: MemoryHost
  readonly ended: Ended
  readonly output: string
}

const runIn = async (cell: TestCell, host: MemoryHost, start: Partial<SessionStart>): Promise<Ran> => {
  const session = cell.start({ memoryBytes: 256 * 1024 * 1024, preopens: [{ handle: 1, guestPath: '/data', writable: true }], ...start })
  const ended = await session.ended
  return { host, ended, output: session.output.join('') }
}

const resultOf = ({ ended }: Ran): unknown => {
  if (ended.outcome.kind !== 'returned') throw new Error(`expected a result, got ${JSON.stringify(ended.outcome)}`)
  return JSON.parse(ended.outcome.result)
}

const webAgent = `
export const run = async (input) => {
  if (input.wait) {
    await new Promise((resolve) => setTimeout(resolve, input.wait))
    return 'waited'
  }
  console.log('hello', JSON.stringify(input))
  console.error('to stderr')
  const started = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const waited = Date.now() - started
  const got = await fetch('http://api.test:8080/items?x=1', { headers: { 'x-key': 'k' } })
  const json = await got.json()
  const posted = await fetch('http://api.test/post', { method: 'POST', body: JSON.stringify({ a: 'b' }), headers: { 'content-type': 'application/json' } })
  const echoed = await posted.text()
  let denied = ''
  try { await fetch('https://denied.test/') } catch (error) { denied = error.name }
  const many = await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await (await fetch('http://api.test/' + n)).text()).length))
  const streamed = []
  for (let reader = (await fetch('http://api.test/large')).body.getReader(), step = await reader.read(); !step.done; step = await reader.read()) streamed.push(step.value.length)
  return {
    waited: waited >= 19, status: got.status, type: got.headers.get('content-type'), json, echoed, denied, many,
    streamed: streamed.reduce((sum, length) => sum + length, 0),
    random: crypto.getRandomValues(new Uint8Array(4)).length,
  }
}`

// componentize-qjs takes numbers for u64.
const filesAgent = `
import { use } from 'cordon:agent/secrets'
import { call, list } from 'cordon:agent/tools'
import { getEnvironment } from 'wasi:cli/environment'
import { exitWithCode } from 'wasi:cli/exit'
import { getDirectories } from 'wasi:filesystem/preopens'
import { filesystemErrorCode } from 'wasi:filesystem/types'
import { subscribeDuration } from 'wasi:clocks/monotonic-clock'
import { poll } from 'wasi:io/poll'
const errOf = (step) => { try { step(); return 'none' } catch (error) { return error.payload ?? String(error) } }
const text = (bytes) => new TextDecoder().decode(new Uint8Array(bytes))
export const run = (input) => {
  if (input.exit !== undefined) exitWithCode(input.exit)
  console.log('from quickjs')
  const [[root, name]] = getDirectories()
  const names = []
  const entries = root.openAt({}, 'inbox', { directory: true }, { read: true }).readDirectory()
  for (let entry = entries.readDirectoryEntry(); entry; entry = entries.readDirectoryEntry()) names.push(entry.name + ' ' + entry.type)
  const letter = root.openAt({}, 'inbox/a.txt', {}, { read: true })
  const stat = letter.stat()
  const stream = letter.readViaStream(6)
  const tail = text(stream.blockingRead(100))
  const atEnd = errOf(() => stream.blockingRead(100))
  const out = root.openAt({}, 'out.txt', { create: true }, { write: true }).writeViaStream(0)
  out.blockingWriteAndFlush(new TextEncoder().encode('written'))
  const broken = root.openAt({}, 'inbox/broken.txt', {}, { read: true }).readViaStream(0)
  const failure = errOf(() => broken.blockingRead(1))
  const ready = poll([subscribeDuration(60000000000), subscribeDuration(1000000)])
  return {
    name, names, env: getEnvironment(), size: String(stat.size), type: stat.type, tail, atEnd: atEnd.tag,
    escape: errOf(() => root.openAt({}, '../x', {}, { read: true })),
    failure: failure.tag, cause: filesystemErrorCode(failure.val), ready: [...ready],
    secret: use('key'), refused: errOf(() => use('other')),
    tool: JSON.parse(call('up', '{"s":"abc"}')), tools: JSON.parse(list()).length, unknown: errOf(() => call('none', '{}')),
  }
}`

describe('a StarlingMonkey guest on these adapters', () => {
  let artifact: TestArtifact
  beforeAll(async () => {
    artifact = await artifactOf('starlingmonkey', webAgent)
  })

  it('has console, timers, randomness and fetch', async () => {
    const host = new MemoryHost()
    host.serve = ({ start }) => {
      if (start.authority === 'denied.test') return { refuse: 'not-permitted' }
      if (start.pathWithQuery === '/large') return { chunks: Array.from({ length: 8 }, () => 'x'.repeat(50_000)) }
      return { status: 201, headers: [['content-type', 'application/json']], chunks: ['{"a":', '1}'] }
    }
    await using cell = new TestCell((call) => host.answer(call))
    await cell.load(artifact)
    const ran = await runIn(cell, host, { input: '{"q":1}' })
    expect(resultOf(ran)).toEqual({
      waited: true,
      status: 201,
      type: 'application/json',
      json: { a: 1 },
      echoed: '{"a":1}',
      denied: 'TypeError',
      many: [7, 7, 7, 7, 7],
      streamed: 400_000,
      random: 4,
    })
    expect(ran.output).toBe('hello {"q":1}\nto stderr\n')
    const [got, posted, , ...rest] = host.arrived
    expect(got?.start).toMatchObject({
      method: 'GET',
      scheme: 'http',
      authority: 'api.test:8080',
      pathWithQuery: '/items?x=1',
      hasBody: false,
      headers: [['x-key', 'k']],
    })
    expect(posted).toMatchObject({ body: '{"a":"b"}', finished: true, start: { method: 'POST', hasBody: true } })
    expect(rest).toHaveLength(6)
  })

  it('waits beside others: ten sessions that sleep take as long as one', async () => {
    const host = new MemoryHost()
    await using cell = new TestCell((call) => host.answer(call))
    await cell.load(artifact)
    await runIn(cell, host, { input: '{"wait":1}' })
    const started = performance.now()
    const ran = await Promise.all(Array.from({ length: 10 }, () => runIn(cell, host, { input: '{"wait":1000}' })))
    expect(ran.map((each) => resultOf(each))).toEqual(Array.from({ length: 10 }, () => 'waited'))
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('a QuickJS guest on these adapters', () => {
  const tree: Tree = { inbox: { 'a.txt': 'first letter', 'broken.txt': 'unreadable' } }
  let artifact: TestArtifact
  beforeAll(async () => {
    artifact = await artifactOf('quickjs', filesAgent)
  })

  const ranWith = async (start: Partial<SessionStart>): Promise<Ran> => {
    const host = new MemoryHost(tree)
    host.secrets = { key: 'placeholder-1' }
    host.tools = { up: (input) => input.toUpperCase() }
    let opened = 0
    host.intercept = (call) => {
      if (call.op === 'fs.open') opened += call.args.path.endsWith('broken.txt') ? 1 : 0
      return call.op === 'fs.read' && opened > 0 ? { ok: false, code: 'io' } : undefined
    }
    await using cell = new TestCell((call) => host.answer(call))
    await cell.load(artifact)
    return await runIn(cell, host, start)
  }

  it('reads, writes, lists, polls, uses secrets and tools, and is told of each failure by its code', async () => {
    const ran = await ranWith({ input: '{}', env: [['A', 'b']] })
    expect(resultOf(ran)).toEqual({
      name: '/data',
      names: ['a.txt regular-file', 'broken.txt regular-file'],
      env: [['A', 'b']],
      size: '12',
      type: 'regular-file',
      tail: 'letter',
      atEnd: 'closed',
      escape: 'not-permitted',
      failure: 'last-operation-failed',
      cause: 'io',
      ready: [1],
      secret: 'placeholder-1',
      refused: 'denied',
      tool: { S: 'ABC' },
      tools: 1,
      unknown: 'unknown',
    })
    expect(ran.output).toBe('from quickjs\n')
    expect(ran.host.text('out.txt')).toBe('written')
  })

  it('ends by exit with its code', async () => {
    expect((await ranWith({ input: '{"exit":7}' })).ended.outcome).toEqual({ kind: 'exit', code: 7 })
  })

  it('is ended when it holds more than its handles', async () => {
    const { ended, host } = await ranWith({ input: '{}', handles: 3 })
    expect(ended.outcome).toMatchObject({ kind: 'trap', message: expect.stringContaining('3 open handles') })
    expect(host.ops()).not.toContain('secret.use')
  })
})
