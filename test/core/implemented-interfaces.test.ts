import { describe, expect, test } from 'vitest'
import { implementedInterfaces, linkCheck } from '#core/implemented-interfaces.ts'

describe('linkCheck', () => {
  test('accepts every implemented interface at the first and at later patches of its series', () => {
    for (const [id, range] of implementedInterfaces) {
      expect(linkCheck([`${id}@${range.series}.0`, `${id}@${range.series}.12`])).toBeUndefined()
    }
  })

  test('names the first import that is unknown, and what there is of its package', () => {
    const problem = linkCheck(['wasi:io/poll@0.2.3', 'wasi:clocks/calendar@0.2.3', 'wasi:sockets/tcp@0.2.3'])
    expect(problem?.import).toBe('wasi:clocks/calendar@0.2.3')
    expect(problem?.message).toContain('`wasi:clocks/calendar@0.2.3`')
    expect(problem?.message).toContain('`wasi:clocks/monotonic-clock`')
  })

  test('refuses a package that is not implemented at all', () => {
    expect(linkCheck(['evil:pkg/iface@1.0.0'])?.message).toBe(
      'the component imports `evil:pkg/iface@1.0.0`, which this host does not implement',
    )
    expect(linkCheck(['wasi:sockets/tcp@0.2.3'])?.import).toBe('wasi:sockets/tcp@0.2.3')
  })

  test.each([
    'wasi:io/poll@0.3.0',
    'wasi:io/poll@0.1.9',
    'wasi:io/poll@1.2.0',
    'wasi:io/poll@0.2',
    'wasi:io/poll@0.2.0-rc.1',
    'wasi:io/poll@0.2.3+build',
    'cordon:agent/secrets@0.2.0',
  ])('refuses %s and says which versions there are', (name) => {
    expect(linkCheck([name])?.message).toMatch(/this host implements `[a-z:/-]+` at 0\.[12]\.0 and later/)
  })

  test('refuses an interface without a version and names that are no interfaces', () => {
    expect(linkCheck(['wasi:io/poll'])?.message).toContain('without a version')
    for (const name of ['', 'run', 'wasi:io', '__proto__', 'wasi:io/poll@0.2.3\n', 'constructor', 'Wasi:io/poll@0.2.3']) {
      expect(linkCheck([name])?.import, name).toBe(name)
    }
  })
})
