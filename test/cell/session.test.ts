import { describe, expect, it } from 'vitest'
import { agentWat, artifactOf, clockArguments, clockImports, clockImportsOfCore, glueArtifactOf } from './component-of.ts'
import { TestCell } from './test-cell.ts'

const run = (core: string) => `(func (export "run") (param i32 i32) (result i32) ${core})`
const agent = (core: string) => artifactOf(agentWat({ core: run(core) }))

const exiting = agentWat({
  around: `(import "wasi:cli/exit@0.2.12" (instance $exit (export "exit" (func (param "status" (result)))) (export "exit-with-code" (func (param "status-code" u8)))))
    (core func $exit (canon lower (func $exit "exit"))) (core func $code (canon lower (func $exit "exit-with-code")))`,
  imports: '(import "exit" "exit" (func $exit (param i32))) (import "exit" "code" (func $code (param i32)))',
  with: '(with "exit" (instance (export "exit" (func $exit)) (export "code" (func $code))))',
  core: run('(call $code (i32.load8_u (local.get 0))) (loop $again (br $again)) unreachable'),
})

const commandWat = (core: string) => `(component
  (core module $m (func (export "run") (result i32) ${core}))
  (core instance $m (instantiate $m))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.12" (instance $exported)))`

const printing = `(component $top
  (import "wasi:io/error@0.2.12" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.12" (instance $streams
    (export "output-stream" (type $o (sub resource)))
    (alias outer $top $error (type $e))
    (export "error" (type $ee (eq $e)))
    (type $failure (variant (case "last-operation-failed" (own $ee)) (case "closed")))
    (export "stream-error" (type $f (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $o)) (param "contents" (list u8)) (result (result (error $f)))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stdout@0.2.12" (instance $stdout
    (alias outer $top $stream (type $s))
    (export "output-stream" (type $ss (eq $s)))
    (export "get-stdout" (func (result (own $ss))))))
  (core module $libc (memory (export "memory") 1) (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (data (i32.const 64) "hello \\e2\\82\\ac\\n"))
  (core instance $libc (instantiate $libc))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory (core memory $libc "memory")) (realloc (core func $libc "cabi_realloc"))))
  (core module $m
    (import "out" "get" (func $get (result i32)))
    (import "out" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "run") (result i32)
      (local $out i32)
      (local.set $out (call $get))
      (call $write (local.get $out) (i32.const 64) (i32.const 10) (i32.const 128))
      (call $write (local.get $out) (i32.const 64) (i32.const 10) (i32.const 128))
      (i32.const 0)))
  (core instance $m (instantiate $m (with "out" (instance (export "get" (func $get)) (export "write" (func $write))))))
  (func $run (result (result)) (canon lift (core func $m "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.12" (instance $exported)))`

const plainWat = `(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "add") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
    (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    (func (export "same") (param i32 i32) (result i32) (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
    (func (export "none")))
  (core instance $m (instantiate $m))
  (func $add (param "a" u64) (param "b" u64) (result u64) (canon lift (core func $m "add")))
  (func $half (param "x" float64) (result float64) (canon lift (core func $m "half")))
  (func $same (param "bytes" (list u8)) (result (list u8)) (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "cabi_realloc"))))
  (func $none (canon lift (core func $m "none")))
  (export "add" (func $add)) (export "half" (func $half)) (export "same" (func $same)) (export "none" (func $none)))`

describe('a session', () => {
  it('returns what its agent returns, and says what it used', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(call $done)'))
    const { outcome, usage } = await cell.run()
    expect(outcome).toEqual({ kind: 'returned', result: '"done"' })
    expect(usage.fuel).toBeGreaterThan(0)
    expect(usage.cpuUs).toBeGreaterThan(0)
    expect(usage.memoryPeakBytes).toBe(2 * 65_536)
  })

  it('reports the declared error of its agent, quoted where it is not JSON', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(call $bad)'))
    await cell.load(await agent('(call $answer (i32.const 1) (i32.const 64) (i32.const 6))'), 'json')
    expect((await cell.run()).outcome).toEqual({ kind: 'error', error: '"bad"' })
    expect((await cell.run({ artifact: 'json' })).outcome).toEqual({ kind: 'error', error: '"done"' })
  })

  it('hands the input to its agent', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(call $answer (i32.const 0) (local.get 0) (local.get 1))'))
    expect((await cell.run({ input: '{"day":"today €"}' })).outcome).toEqual({ kind: 'returned', result: '{"day":"today €"}' })
  })

  it('traps where its agent does, without a stack or a path in the message', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('unreachable'))
    await cell.load(await agent('(i32.load (i32.const 0x7ffffff0))'), 'far')
    await cell.load(await agent('(call $answer (i32.const 7) (i32.const 0) (i32.const 0))'), 'tag')
    const messages: string[] = []
    for (const artifact of ['a', 'far', 'tag']) {
      const { outcome } = await cell.run({ artifact })
      if (outcome.kind === 'trap') messages.push(outcome.message)
    }
    expect(messages).toEqual(['unreachable', 'memory access out of bounds', 'expected a discriminant below 2, got 7'])
  })

  it('refuses a result that no frame can carry', async () => {
    await using cell = new TestCell()
    await cell.load(await agent('(drop (memory.grow (i32.const 40))) (call $answer (i32.const 0) (i32.const 64) (i32.const 2000000))'))
    expect((await cell.run()).outcome).toEqual({ kind: 'trap', message: 'expected a result of at most 1000000 bytes, got more' })
  })

  it('exits with the code its agent names, and runs nothing after', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(exiting))
    expect((await cell.run({ input: '*' })).outcome).toEqual({ kind: 'exit', code: 42 })
    expect((await cell.run({ input: '\0' })).outcome).toEqual({ kind: 'exit', code: 0 })
  })

  it('runs commands, whose error is exit code 1', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(commandWat('(i32.const 0)')))
    await cell.load(await artifactOf(commandWat('(i32.const 1)')), 'failing')
    expect((await cell.run({ call: 'wasi:cli/run' })).outcome).toEqual({ kind: 'returned', result: 'null' })
    expect((await cell.run({ call: 'wasi:cli/run', artifact: 'failing' })).outcome).toEqual({ kind: 'exit', code: 1 })
  })

  it('sends all output before it says that it has ended', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(printing))
    const session = cell.start({ call: 'wasi:cli/run' })
    expect((await session.ended).outcome).toEqual({ kind: 'returned', result: 'null' })
    expect(session.output.join('')).toBe('hello €\nhello €\n')
    expect(cell.heard.at(-1)?.type).toBe('ended')
  })

  it('calls plain functions with JSON', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(plainWat))
    const result = async (call: string, input: string): Promise<unknown> => (await cell.run({ call, input })).outcome
    expect(await result('add', '[1, 2]')).toEqual({ kind: 'returned', result: '3' })
    expect(await result('add', '["18446744073709551614", 1]')).toEqual({ kind: 'returned', result: '"18446744073709551615"' })
    expect(await result('add', '{"a": 20, "b": 22}')).toEqual({ kind: 'returned', result: '42' })
    expect(await result('half', '5')).toEqual({ kind: 'returned', result: '2.5' })
    expect(await result('same', '[[1, 2, 255]]')).toEqual({ kind: 'returned', result: '[1,2,255]' })
    expect(await result('none', '')).toEqual({ kind: 'returned', result: 'null' })
    expect(await result('add', '[1')).toEqual({ kind: 'trap', message: 'expected the input as JSON, got text that does not parse' })
    expect(await result('add', '["one", 2]')).toMatchObject({
      kind: 'trap',
      message: expect.stringMatching(/^the input does not fit the export: expected /),
    })
    expect(await result('add', '[{}, null]')).toEqual({
      kind: 'trap',
      message: 'the input does not fit the export: expected a bigint for u64, got object',
    })
  })

  it('refuses calls and artifacts that are not there', async () => {
    await using cell = new TestCell()
    await cell.load(await artifactOf(plainWat))
    for (const wrong of [{ call: 'toString' }, { call: '__proto__' }, { artifact: 'b', call: 'add' }]) {
      expect((await cell.run(wrong)).outcome).toEqual({ kind: 'trap', message: 'expected a loaded artifact that exports the call' })
    }
    cell.send({ type: 'unload', artifact: 'a' })
    expect((await cell.run({ call: 'none' })).outcome.kind).toBe('trap')
  })

  it('ends a guest that hoards handles', async () => {
    await using cell = new TestCell()
    const hoarding = agentWat({
      around: clockImports,
      imports: clockImportsOfCore,
      with: clockArguments,
      core: run('(loop $again (drop (call $subscribe (i64.const 1000000000))) (br $again)) unreachable'),
    })
    await cell.load(await artifactOf(hoarding))
    expect((await cell.run({ handles: 20 })).outcome).toEqual({ kind: 'trap', message: 'expected at most 20 open handles, got one more' })
  })

  it('says which artifact did not load', async () => {
    await using cell = new TestCell()
    const glue = await glueArtifactOf(plainWat)
    await expect(cell.load({ ...glue, glue: 'no glue' })).rejects.toThrow()
    await expect(cell.load({ ...glue, cores: glue.cores.map((core) => ({ ...core, bytes: new Uint8Array([1]) })) })).rejects.toThrow(
      'WebAssembly',
    )
    const artifact = await artifactOf(plainWat)
    await expect(cell.load({ ...artifact, component: new Uint8Array([1]) })).rejects.toThrow('expected a component')
    await cell.load(artifact)
    expect((await cell.run({ call: 'none', input: '' })).outcome.kind).toBe('returned')
  })
})
