import { describe, expect, it } from 'vitest'
import { GuestEnd } from '#cell/adapters/world.ts'
import { errOf, importsOf, MemoryWorld } from './memory-world.ts'

describe('wasi:cli', () => {
  it('shows the environment and arguments of the session, and nothing of the process', () => {
    const world = new MemoryWorld({}, { env: [['A', 'b']], args: ['one', 'two'] })
    const { getEnvironment, getArguments, initialCwd } = importsOf(world)['wasi:cli/environment']
    expect(getEnvironment()).toEqual([['A', 'b']])
    expect(getArguments()).toEqual(['one', 'two'])
    expect(initialCwd()).toBeUndefined()
  })

  it('gives copies, so that a guest cannot change what the next call sees', () => {
    const { getEnvironment } = importsOf(new MemoryWorld({}, { env: [['A', 'b']] }))['wasi:cli/environment']
    getEnvironment().push(['C', 'd'])
    expect(getEnvironment()).toEqual([['A', 'b']])
  })

  it('ends the session by exit, with its code', () => {
    const world = new MemoryWorld()
    const { exit, exitWithCode } = importsOf(world)['wasi:cli/exit']
    expect(() => exit({ tag: 'ok' })).toThrow(GuestEnd)
    expect(() => exit({ tag: 'err' })).toThrow(GuestEnd)
    expect(() => exitWithCode(7)).toThrow(GuestEnd)
    expect(world.ends).toEqual([0, 1, 7].map((code) => ({ kind: 'exit', code })))
  })

  it('has terminals only where the session does', () => {
    const none = importsOf(new MemoryWorld())
    expect(none['wasi:cli/terminal-stdin'].getTerminalStdin()).toBeUndefined()
    expect(none['wasi:cli/terminal-stdout'].getTerminalStdout()).toBeUndefined()
    expect(none['wasi:cli/terminal-stderr'].getTerminalStderr()).toBeUndefined()
    const errors = importsOf(new MemoryWorld({}, { stderrIsTerminal: true }))
    expect(errors['wasi:cli/terminal-stdout'].getTerminalStdout()).toBeUndefined()
    expect(errors['wasi:cli/terminal-stderr'].getTerminalStderr()).toBeDefined()
    const world = new MemoryWorld({}, { stdoutIsTerminal: true })
    const terminal = importsOf(world)['wasi:cli/terminal-stdout'].getTerminalStdout()
    expect([terminal !== undefined, world.held]).toEqual([true, 1])
    terminal?.[Symbol.dispose]()
    expect(world.held).toBe(0)
  })
})

describe('cordon:agent/secrets', () => {
  it('gives the placeholder', async () => {
    const world = new MemoryWorld()
    world.host.secrets = { key: 'placeholder-1' }
    expect(await importsOf(world)['cordon:agent/secrets'].use('key')).toBe('placeholder-1')
  })

  it.each([
    ['denied', 'denied'],
    ['not-permitted', 'denied'],
    ['unknown', 'unknown'],
    ['failed', 'unavailable'],
    ['vault at 10.0.0.1 said no', 'unavailable'],
  ])('for the code `%s` of the host says `%s`', async (code, expected) => {
    const world = new MemoryWorld()
    world.host.intercept = () => ({ ok: false, code })
    expect(await errOf(() => importsOf(world)['cordon:agent/secrets'].use('key'))).toBe(expected)
  })

  it('asks the host for no name that the wire would not take', async () => {
    const world = new MemoryWorld()
    expect(await errOf(() => importsOf(world)['cordon:agent/secrets'].use('x'.repeat(257)))).toBe('unknown')
    expect(world.host.calls).toEqual([])
  })
})

describe('cordon:agent/tools', () => {
  it('calls and lists the tools of the session as JSON text', async () => {
    const world = new MemoryWorld()
    world.host.tools = { echo: (input) => `{"got":${input}}` }
    const { call, list } = importsOf(world)['cordon:agent/tools']
    expect(JSON.parse(await call('echo', '{"ä":1}'))).toEqual({ got: { ä: 1 } })
    expect(JSON.parse(await list())).toEqual([{ name: 'echo', description: '', inputSchema: {} }])
  })

  it.each([
    ['not-permitted', 'denied'],
    ['denied', 'denied'],
    ['unknown', 'unknown'],
    ['invalid-input', 'invalid-input'],
    ['too-large', 'too-large'],
    ['failed', 'failed'],
    ['Error: at /home/user/tool.js:3', 'failed'],
  ])('for the code `%s` of the host says `%s`', async (code, expected) => {
    const world = new MemoryWorld()
    world.host.intercept = () => ({ ok: false, code })
    expect(await errOf(() => importsOf(world)['cordon:agent/tools'].call('t', '{}'))).toBe(expected)
  })

  it('refuses input that is too large for the wire', async () => {
    const world = new MemoryWorld()
    expect(await errOf(() => importsOf(world)['cordon:agent/tools'].call('t', 'x'.repeat(262_145)))).toBe('too-large')
    expect(world.host.calls).toEqual([])
  })
})
