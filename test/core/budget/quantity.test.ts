import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultLimits, effectiveLimits, ceilingLimits, limitNames } from '#core/budget/limits.ts'
import { checkLimits, friendlyLimitNames, parseLimitFlags, parseLimits } from '#core/budget/parse-limits.ts'
import { parseCount, parseDuration, parseSize } from '#core/budget/quantity.ts'
import { refusalOf } from '../policy/refusal.ts'

const value = (read: ReturnType<typeof parseSize>): number | undefined => (read.ok ? read.value : undefined)

describe('quantities', () => {
  test.each([
    ['64Mi', 67_108_864],
    ['1Ki', 1024],
    ['2Gi', 2_147_483_648],
    ['1Ti', 1_099_511_627_776],
    ['5M', 5_000_000],
    ['10k', 10_000],
    ['1.5Ki', 1536],
    ['0', 0],
    ['512', 512],
    [4096, 4096],
  ])('the size %s is %d bytes', (text, expected) => {
    expect(value(parseSize(text))).toBe(expected)
  })

  test.each([
    ['30s', 30_000],
    ['250ms', 250],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('the duration %s is %d ms', (text, expected) => {
    expect(value(parseDuration(text))).toBe(expected)
  })

  test.each([
    ['5G', 5_000_000_000],
    ['20k', 20_000],
    ['1000', 1000],
    [0, 0],
  ])('the count %s is %d', (text, expected) => {
    expect(value(parseCount(text))).toBe(expected)
  })

  test.each([
    '',
    ' ',
    '-1',
    '+1',
    '1e9',
    '0x10',
    '64 Mi',
    '64mi',
    '64MB',
    'Mi',
    'Infinity',
    'NaN',
    '1_000',
    '1,5s',
    '99999999999999999999',
    '9999999999Ti',
    '64Mi ',
    '1.5',
    '1.0000001k',
    '__proto__',
    '1constructor',
    '1toString',
    Number.NaN,
    Infinity,
    -1,
    1.5,
    1e21,
  ])('no size and no count: %s', (text) => {
    expect(value(parseSize(text))).toBeUndefined()
    expect(value(parseCount(text))).toBeUndefined()
  })

  test.each(['30', 30, '0.5ms', '-1s', '30 s', '30S', '1d', '', 's'])('no duration: %s', (text) => {
    expect(value(parseDuration(text))).toBeUndefined()
  })

  test('whole numbers of every unit are exact', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1_000_000 }),
        fc.constantFrom(['Ki', 1024] as const, ['Mi', 1024 ** 2] as const, ['k', 1000] as const, ['G', 1e9] as const),
        (count, [unit, factor]) => {
          expect(value(parseSize(`${count}${unit}`))).toBe(count * factor)
        },
      ),
    )
  })
})

describe('limits', () => {
  test('are read by their friendly names', () => {
    expect(
      parseLimits(
        {
          timeout: '30s',
          cpuTime: '5s',
          fuel: '5G',
          memory: '64Mi',
          tables: '10k',
          output: '1Mi',
          calls: 7,
          egress: 0,
          ingress: '2Ki',
          handles: 3,
        },
        'limits',
      ),
    ).toEqual({
      timeoutMs: 30_000,
      cpuTimeMs: 5000,
      fuel: 5_000_000_000,
      memoryBytes: 67_108_864,
      tableElements: 10_000,
      outputBytes: 1_048_576,
      calls: 7,
      egressBytes: 0,
      ingressBytes: 2048,
      handles: 3,
    })
    expect(friendlyLimitNames).toHaveLength(limitNames.length)
  })

  test('are refused with the name of the field', () => {
    expect(refusalOf(() => parseLimits({ memory: '64MB' }, 'policy.yaml'))).toBe(
      'policy.invalid | policy.yaml: expected a size such as `64Mi` at `memory`, got `64MB` | write a number with Ki, Mi, Gi or Ti (powers of 1024), k, M, G or T (powers of 1000), or bytes',
    )
  })

  test('come from flags, the smaller of what is said twice', () => {
    expect(parseLimitFlags(['memory=64Mi', 'timeout=30s', 'memory=1Mi'])).toEqual({ memoryBytes: 1_048_576, timeoutMs: 30_000 })
    expect(parseLimitFlags([])).toEqual({})
  })

  test.each([
    ['memory', 'grant.invalid | --limit: expected a quantity such as `64Mi`, got nothing | write --limit memory=64Mi'],
    [
      'memory=',
      'grant.invalid | --limit: expected a size such as `64Mi`, got `` | write a number with Ki, Mi, Gi or Ti (powers of 1024), k, M, G or T (powers of 1000), or bytes',
    ],
    [
      'memmory=1',
      'grant.invalid | --limit: unknown limit `memmory`, did you mean `memory` | limits are timeout, cpuTime, fuel, memory, tables, output, calls, egress, ingress, handles',
    ],
    [
      '__proto__=1',
      'grant.invalid | --limit: unknown limit `__proto__` | limits are timeout, cpuTime, fuel, memory, tables, output, calls, egress, ingress, handles',
    ],
    [
      '=5',
      'grant.invalid | --limit: unknown limit `` | limits are timeout, cpuTime, fuel, memory, tables, output, calls, egress, ingress, handles',
    ],
    [
      'timeout=30',
      'grant.invalid | --limit: expected a duration such as `30s`, got `30` | write a number with ms, s, m or h, no finer than a millisecond',
    ],
    ['timeout=0s', 'grant.invalid | --limit: expected at least 1, got `0s` | raise it, or leave it out for the default'],
  ])('the flag --limit %s is refused', (flag, expected) => {
    expect(refusalOf(() => parseLimitFlags([flag]))).toBe(expected)
  })

  test('compiled ones are whole numbers by their own names', () => {
    expect(checkLimits({ timeoutMs: 5, calls: 0 }, 'limits')).toEqual({ timeoutMs: 5, calls: 0 })
    expect(refusalOf(() => checkLimits({ timeoutMS: 5 }, 'limits'))).toContain(
      'input.invalid | limits: unknown field `timeoutMS`, did you mean `timeoutMs`',
    )
    for (const bad of [-1, 1.5, Number.NaN, Infinity, '5', null]) {
      expect(
        refusalOf(() => checkLimits({ calls: bad }, 'limits')),
        String(bad),
      ).toContain('input.invalid | limits: expected a whole number from 0 at `calls`, got ')
    }
  })

  test('are the smallest of what the layers say, never above the ceiling, the defaults where nobody says', () => {
    const layer = fc.record({ calls: fc.nat(), memoryBytes: fc.nat(2 ** 40) }, { requiredKeys: [] })
    fc.assert(
      fc.property(fc.array(layer), (layers) => {
        const limits = effectiveLimits(layers)
        for (const name of ['calls', 'memoryBytes'] as const) {
          const said = layers.flatMap((each) => each[name] ?? [])
          expect(limits[name]).toBe(Math.min(ceilingLimits[name], ...(said.length === 0 ? [defaultLimits[name]] : said)))
        }
        expect(limits.timeoutMs).toBe(defaultLimits.timeoutMs)
      }),
    )
  })
})
