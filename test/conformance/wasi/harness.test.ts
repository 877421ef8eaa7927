import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCache } from '../../fixtures/test-home.ts'
import { buildProgram } from './build-program.ts'
import { programSources } from './build-programs.ts'
import { endpointIn } from './connection.ts'
import { commandLine } from './command-line.ts'
import { startServers } from './endpoint-servers.ts'
import { defaultExpectation, ExpectationError, readExpectation } from './expectation.ts'
import { runProgram } from './run-program.ts'
import { Mismatch } from './verdict.ts'

const typesOf = (json: string): readonly string[] => readExpectation(json).operations.map(({ type }) => type)

describe('reading expectations', () => {
  it('runs and waits where nothing is said', () => {
    expect(defaultExpectation.operations.map(({ type }) => type)).toEqual(['run', 'wait'])
    expect(readExpectation('{ "proposals": ["http"] }').operations).toEqual([
      { type: 'run', args: [], env: {}, root: null },
      { type: 'wait', exit_code: 0 },
    ])
  })

  it('takes the older form apart into operations', () => {
    expect(typesOf('{ "args": ["a"], "stdin": "x", "stdout": "", "exit_code": 3 }')).toEqual(['run', 'write', 'wait', 'read-all'])
    expect(typesOf('{ "dirs": ["fs-tests.dir"] }')).toEqual(['folders', 'run', 'wait'])
  })

  it('knows every operation, with the defaults of the specification', () => {
    const { operations, world, servers } = readExpectation(`{ "world": "wasi:http/service",
      "servers": [{ "name": "main", "endpoints": [{ "method": "post", "mode": "echo-body" }, { "response": "text" }] }, { "name": "dead", "kind": "closed" }],
      "operations": [{ "type": "run" }, { "type": "write" }, { "type": "read" }, { "type": "connect" }, { "type": "send", "id": "server" },
        { "type": "recv", "id": "server" }, { "type": "request" }, { "type": "kill", "signal": "SIGINT" }, { "type": "wait", "exit_code": -2 }] }`)
    expect(world).toBe('wasi:http/service')
    expect(servers).toMatchObject([
      {
        kind: 'listening',
        endpoints: [
          { method: 'POST', path: '/', mode: 'echo-body' },
          { method: 'GET', mode: 'static', response: { body: 'text' } },
        ],
      },
      { kind: 'closed' },
    ])
    expect(operations.slice(1)).toMatchObject([
      { id: 'stdin', payload: '' },
      { id: 'stdout', payload: '' },
      { id: 'server', protocol_type: 'tcp' },
      { payload: '' },
      { payload: '' },
      { method: 'GET', path: '/', response: { status: 200, body: '' } },
      { signal: 'SIGINT' },
      { exit_code: -2 },
    ])
  })

  it.each([
    ['{ "arg": [] }', 'arg'],
    ['{ "stdout": 1 }', 'stdout'],
    ['{ "operations": [{ "type": "run", "dir": "x" }, { "type": "wait" }] }', 'dir'],
    ['{ "operations": [{ "type": "sleep" }] }', 'operations.0'],
    ['{ "operations": [], "exit_code": 1 }', 'exit_code'],
    ['{ "proposals": ["threads"] }', 'proposals.0'],
    ['{ "servers": [{ "name": "a b" }] }', 'servers.0'],
    ['{ "servers": [{ "name": "a", "kind": "closed", "endpoints": [] }] }', 'servers.0'],
    ['{ "servers": [{ "name": "a", "endpoints": [{ "mode": "echo-body", "response": "x" }] }] }', 'servers.0'],
    ['{ "servers": [{ "name": "a" }, { "name": "A" }] }', 'each server once'],
    ['{ "operations": [{ "type": "wait" }] }', 'expected a `run` before `wait`'],
    ['{ "operations": [{ "type": "run" }] }', 'expected a `wait` for the last `run`'],
    ['{ "operations": [{ "type": "run" }, { "type": "run" }] }', 'expected a `wait` before the next `run`'],
    ['{ "operations": [{ "type": "run" }, { "type": "send", "id": "x" }, { "type": "wait" }] }', 'expected a `connect` with the id `x`'],
    ['{ "operations": [{ "type": "run" }, { "type": "kill", "signal": "SIGNOT" }, { "type": "wait" }] }', 'signal'],
    ['{', 'expected JSON'],
  ])('refuses %s, and says where', (json, where) => {
    expect(() => readExpectation(json)).toThrow(ExpectationError)
    expect(() => readExpectation(json)).toThrow(where)
  })

  it('reads where a program says that it listens', () => {
    expect(endpointIn('127.0.0.1:80\n')).toEqual({ host: '127.0.0.1', port: 80 })
    expect(endpointIn('[::1]:8080')).toEqual({ host: '::1', port: 8080 })
    for (const line of ['', 'listening', '127.0.0.1', ':80', '::1:80']) expect(() => endpointIn(line)).toThrow(Mismatch)
  })
})

describe('command lines', () => {
  const run = { args: ['-q', 'two words'], env: { NAME: 'a,b=c' } }
  const parts = { program: '/p.wasm', run, mounts: [{ host: '/scratch', guest: '/' }], servers: {}, options: ['--isolation=process'] }

  it('grant what the expectation names and nothing else', () => {
    expect(commandLine({ ...parts, expectation: defaultExpectation })).toEqual([
      'run',
      '--quiet',
      '--allow-env=NAME=a,b=c',
      '--mount=/scratch:/:rw',
      '--isolation=process',
      '/p.wasm',
      '--',
      '-q',
      'two words',
    ])
  })

  it('let programs reach the servers that are there for them, and listen where they need sockets', () => {
    const expectation = { world: 'wasi:http/service', proposals: ['sockets'] } as const
    const line = commandLine({ ...parts, expectation, servers: { HTTP_SERVER_MAIN: '127.0.0.1:4000' } })
    expect(line.slice(0, 1)).toEqual(['serve'])
    expect(line).toContain('--allow-net=http://127.0.0.1:4000')
    expect(line).toContain('--allow-env=HTTP_SERVER_MAIN=127.0.0.1:4000')
    expect(line.filter((each) => each.includes('allow-tcp'))).toEqual([
      '--allow-tcp=127.0.0.1:4000',
      '--allow-tcp=listen:127.0.0.1',
      '--allow-tcp=listen:[::1]',
    ])
  })
})

describe('servers', () => {
  it('answer as their endpoints say, and refuse where they are closed', async () => {
    const { servers } =
      readExpectation(`{ "servers": [{ "name": "main", "endpoints": [{ "path": "/a?b", "response": { "status": 201, "body": "x" } },
      { "path": "/echo", "method": "POST", "mode": "echo-body" }, { "path": "/headers", "mode": "echo-headers" },
      { "path": "/chunks", "response": { "chunks": ["1", "2"], "trailers": { "x-end": "3" } } }] }, { "name": "dead", "kind": "closed" }] }`)
    await using started = await startServers(servers)
    const base = `http://${started.addresses['HTTP_SERVER_MAIN']}`
    const created = await fetch(`${base}/a?b`)
    expect([created.status, await created.text()]).toEqual([201, 'x'])
    expect((await fetch(`${base}/a`)).status).toBe(404)
    expect(await (await fetch(`${base}/echo`, { method: 'POST', body: 'back' })).text()).toBe('back')
    expect((await fetch(`${base}/headers`, { headers: { 'x-one': '1' } })).headers.get('x-echo-x-one')).toBe('1')
    expect(await (await fetch(`${base}/chunks`)).text()).toBe('12')
    await expect(fetch(`http://${started.addresses['HTTP_SERVER_DEAD']}`)).rejects.toThrow()
  })
})

describe('a program that does not do as expected', () => {
  let folder: string
  const options = { timeoutMs: 60_000, options: [], cacheFolder: join(testCache, 'wasi-ingest') }
  const verdictOf = async (source: string, expectation: string): Promise<string> => {
    await writeFile(join(folder, 'p.wasm'), await buildProgram(join(programSources, source)))
    await writeFile(join(folder, 'p.json'), expectation)
    const { verdict, reason } = await runProgram(join(folder, 'p.wasm'), 'p', options)
    return `${verdict}: ${reason}`
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cordon-harness-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ['cli/exits-with-code.wat', '{ "exit_code": 0 }', 'fail: expected exit code 0, got 42'],
    ['cli/exits-with-code.wat', '{ "exit_code": 42, "stdout": "before" }', 'fail: expected stdout "before", got "before the end\\n"'],
    ['cli/exits-with-code.wat', '{ "exit_code": 42, "stdout": "before the end\\n and more" }', 'fail: expected stdout'],
    ['cli/exits-with-code.wat', '{ "stderr": "x", "exit_code": 42 }', 'fail: expected stderr "x"'],
    ['cli/exits-with-code.wat', '{ "exit": 42 }', 'fail: in its expectation: the file: Unrecognized key'],
    ['cli/exits-well.wat', '{ "root": "../elsewhere" }', 'fail: in its expectation: expected a folder beside the program'],
    [
      'cli/exits-well.wat',
      '{ "operations": [{ "type": "run" }, { "type": "connect" }, { "type": "wait" }] }',
      'fail: expected `host:port` on stdout, got ""',
    ],
  ])('%s with %s: %s', async (source, expectation, verdict) => {
    expect(await verdictOf(source, expectation)).toContain(verdict)
  })

  it('is unsupported where the host says so before it runs', async () => {
    const wat = '(component (import "wasi:nn/graph@0.2.0" (instance)))'
    await writeFile(join(folder, 'q.wasm'), await parse(wat))
    const { verdict, reason } = await runProgram(join(folder, 'q.wasm'), 'q', options)
    expect([verdict, reason]).toEqual(['unsupported', expect.stringContaining('component.import-unknown')])
  })

  it('is over when it serves nothing, and unsupported when it was refused', async () => {
    const service = '{ "world": "wasi:http/service", "operations": [{ "type": "run" }, { "type": "request" }, { "type": "wait" }] }'
    await writeFile(join(folder, 'q.wasm'), await parse('(component (import "wasi:nn/graph@0.2.0" (instance)))'))
    await writeFile(join(folder, 'q.json'), service)
    expect(await runProgram(join(folder, 'q.wasm'), 'q', options)).toMatchObject({
      verdict: 'unsupported',
      reason: expect.stringContaining('wasi:nn/graph'),
    })
    await writeFile(join(folder, 'q.wasm'), await parse('(component)'))
    expect(await runProgram(join(folder, 'q.wasm'), 'q', options)).toMatchObject({ verdict: expect.stringMatching(/fail|unsupported/) })
  })

  it('dirties nothing: it works in a copy of its folder', async () => {
    await mkdir(join(folder, 'root.dir'))
    await writeFile(join(folder, 'root.dir', 'left.cleanup'), '')
    await writeFile(join(folder, 'root.dir', 'given.txt'), 'given\n')
    expect(await verdictOf('filesystem/files.ts', '{ "root": "root.dir", "stdout": "\\"done\\"\\n" }')).toBe('pass: ')
    expect((await readdir(join(folder, 'root.dir'))).sort()).toEqual(['given.txt', 'left.cleanup'])
  })
})
