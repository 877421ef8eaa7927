import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'

import { buildWat } from '../../fixtures/build-wat.ts'
import { instantiateStock } from './stock-jco.ts'
import { triedElsewhere } from '../../fixtures/tried-elsewhere.ts'
import { witNames } from './wit-names.ts'

const guests = new URL('../../../guests/', import.meta.url)

/** Name of each guest → what it imports. The list and the folder must agree. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'amplifies-strings': [],
  'calls-without-end': ['cordon:agent/secrets@0.1.0'],
  'doubles-calls': [],
  'drops-a-forged-handle': ['wasi:clocks/monotonic-clock@0.2.12', 'wasi:io/poll@0.2.12'],
  'echoes-input': [],
  'exits-with-code': ['wasi:cli/exit@0.2.12'],
  'fills-memory-forever': [],
  'floods-stdout': ['wasi:cli/stdout@0.2.12', 'wasi:io/error@0.2.12', 'wasi:io/streams@0.2.12'],
  'grows-memory-until-refused': [],
  'grows-table-until-refused': [],
  'keeps-state': ['wasi:clocks/monotonic-clock@0.2.12', 'wasi:io/poll@0.2.12'],
  'leaks-handles': ['wasi:clocks/monotonic-clock@0.2.12', 'wasi:io/poll@0.2.12'],
  'lies-about-length': [],
  'recurses-forever': [],
  'returns-error': [],
  'spins-forever': [],
  'spins-in-post-return': [],
  'spins-in-realloc': [],
  'spins-in-start': [],
  traps: [],
  'waits-forever': ['wasi:clocks/monotonic-clock@0.2.12', 'wasi:io/poll@0.2.12'],
  'waits-one-second': ['wasi:clocks/monotonic-clock@0.2.12', 'wasi:io/poll@0.2.12'],
}

test('every guest written as text is on the list', async () => {
  const folders = (await readdir(guests, { recursive: true }))
    .filter((path) => path.endsWith('.wat'))
    .map((path) => path.split('/')[0] ?? '')
  expect(new Set(folders.filter((name) => !triedElsewhere.has(name)))).toEqual(new Set(Object.keys(expected)))
})

test.each(Object.entries(expected))('%s is a component that imports what it should', async (name, imports) => {
  expect((await witNames(await buildWat(name))).imports).toEqual(imports)
})

describe('on stock jco', () => {
  const run = async (name: string, input = '{"a":"é"}'): Promise<unknown> =>
    (await instantiateStock(await buildWat(name)))['cordon:agent/run@0.1.0']?.['run']?.(input)

  test('echoes-input gives its input back', async () => {
    expect(await run('echoes-input')).toBe('{"a":"é"}')
  })

  test('returns-error gives it back as its error', async () => {
    await expect(run('returns-error')).rejects.toBe('{"a":"é"}')
  })

  test('waits-one-second waits one second', async () => {
    const started = performance.now()
    expect(await run('waits-one-second')).toBe('"done"')
    expect(performance.now() - started).toBeGreaterThan(995)
  })

  test.each([
    ['traps', /unreachable/],
    ['recurses-forever', /call stack/],
    ['lies-about-length', /length|bounds/],
    ['drops-a-forged-handle', /undefined|handle/],
  ])('%s ends with an error', async (name, message) => {
    await expect(run(name)).rejects.toThrow(message)
  })
})
