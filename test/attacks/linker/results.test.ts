import { afterEach, describe, expect, it, vi } from 'vitest'
import { SessionScope } from '#cell/adapters/session-scope.ts'
import { callExport } from '#cell/call-export.ts'
import { MemoryWorld } from '../../cell/adapters/memory-world.ts'
import { agentWat } from '../../cell/component-of.ts'
import { agentPath, instanceOf } from '../../cell/link/component-world.ts'

const call = { input: '', id: 0, scope: new SessionScope(new MemoryWorld().world) }
const tooLong = { kind: 'trap', message: 'expected a result of at most 1000000 bytes, got more' }

/** An agent that answers with `length` bytes of `[`, as a result (0) or an error (1). */
const bracketsWat = (tag: 0 | 1, length: number): string =>
  agentWat({
    core: `(func (export "run") (param i32 i32) (result i32)
      (drop (memory.grow (i32.const 200)))
      (memory.fill (i32.const 131072) (i32.const 91) (i32.const ${length}))
      (call $answer (i32.const ${tag}) (i32.const 131072) (i32.const ${length})))`,
  })

describe('an agent whose answer is text that explodes when it is parsed', () => {
  afterEach(() => void vi.restoreAllMocks())

  it.each([
    ['result', 0],
    ['error', 1],
  ] as const)('is told that its %s is too long, and nobody parses it', async (_what, tag) => {
    const parse = vi.spyOn(JSON, 'parse')
    const instance = await instanceOf(bracketsWat(tag, 10_000_000))
    const run = { path: agentPath, call: 'run', kind: 'agent-run' } as const
    await expect(callExport(instance, run, call)).resolves.toEqual(tooLong)
    expect(Math.max(0, ...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(1_000_001)
  })

  it('has an error quoted that is no JSON', async () => {
    const instance = await instanceOf(bracketsWat(1, 3))
    await expect(callExport(instance, { path: agentPath, call: 'run', kind: 'agent-run' }, call)).resolves.toEqual({
      kind: 'error',
      error: '"[[["',
    })
  })
})
