import { describe, expect, test } from 'vitest'

import { rewriteCore } from '#core/wasm/rewrite-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'

import { call, engine, instantiate, type Imports } from './engine.ts'
import { Meter } from './metered-instance.ts'
import { readModule, realModules } from './real-modules.ts'

const options = { maxMemoryPages: 4096, maxTableElements: 100_000, limits: defaultWasmLimits }

describe('a real module', () => {
  test.each(realModules)('rewrites to a valid one, in bounded time, little larger: %s', (what) => {
    const bytes = readModule(what)
    const began = performance.now()
    const { bytes: rewritten, stats } = rewriteCore(bytes, options)
    // Measured at 0.2 s for 12 MB; the rest is room for slow machines.
    expect(performance.now() - began).toBeLessThan(5000)
    expect(engine.validate(rewritten)).toBe(true)
    expect(rewritten.length).toBeLessThan(bytes.length * 1.2)
    expect(stats.charges).toBeGreaterThan(0)
    expect(rewriteCore(bytes, options).bytes).toEqual(rewritten)
  })
})

/** Plain functions for all that a module imports but metering. */
const inert = (bytes: Uint8Array): Imports => {
  const imports: Record<string, Record<string, unknown>> = {}
  for (const { module, name } of engine.Module.imports(new engine.Module(bytes))) (imports[module] ??= {})[name] = () => 0
  return imports
}

describe('wasm-tools, rewritten', () => {
  test('allocates as the original does and pays for it', () => {
    const bytes = readModule('wasm-tools')
    const plain = instantiate(bytes, inert(bytes))
    const meter = new Meter({ slice: 10_000 })
    const metered = meter.instantiate(rewriteCore(bytes, options).bytes, inert(bytes))
    for (const size of [1, 8, 1000, 100_000, 5_000_000]) {
      expect(call(metered, 'cabi_realloc')(0, 0, 8, size)).toBe(call(plain, 'cabi_realloc')(0, 0, 8, size))
    }
    expect(meter.used()).toBeGreaterThan(100)
  })
})
