import { describe, expect, test } from 'vitest'
import { implementedInterfaces, linkCheck, linkedName } from '#core/implemented-interfaces.ts'

describe('linkCheck', () => {
  test('accepts every implemented interface at the first and at later patches of its series, or at exactly its drafts', () => {
    for (const [linked, range] of implementedInterfaces) {
      const id = linked.replace(/@.*$/, '')
      const versions = 'exactly' in range ? range.exactly : [`${range.series}.0`, `${range.series}.12`]
      expect(linkCheck(versions.map((version) => `${id}@${version}`))).toBeUndefined()
      expect(new Set(versions.map((version) => linkedName(`${id}@${version}`))), linked).toEqual(new Set([linked]))
    }
  })

  test.each([
    ['wasi:keyvalue/store@0.2.0', 'exactly 0.2.0-draft or 0.2.0-draft2'],
    ['wasi:keyvalue/store@0.2.0-draft3', 'exactly 0.2.0-draft or 0.2.0-draft2'],
    ['wasi:keyvalue/store@0.2.1-draft2', 'exactly 0.2.0-draft or 0.2.0-draft2'],
    ['wasi:keyvalue/atomics@0.2.0-draft2+build', 'exactly 0.2.0-draft or 0.2.0-draft2'],
    ['wasi:config/store@0.2.0', 'exactly 0.2.0-rc.1, 0.2.0-draft, 0.2.0-draft-2024-09-27'],
    ['wasi:config/store@0.2.0-rc.2', 'exactly 0.2.0-rc.1, 0.2.0-draft, 0.2.0-draft-2024-09-27'],
    ['wasi:logging/logging@0.1.0', 'exactly 0.1.0-draft'],
    ['wasi:logging/logging@0.1.1-draft', 'exactly 0.1.0-draft'],
  ])('refuses the draft %s by name, for it promises nothing about others', (name, versions) => {
    const id = name.slice(0, name.indexOf('@'))
    expect(linkCheck([name])?.message).toBe(`the component imports \`${name}\`; this host implements \`${id}\` at ${versions}`)
  })

  test('names no draft among the interfaces of a package', () => {
    expect(linkCheck(['wasi:keyvalue/watcher@0.2.0-draft2'])?.message).toContain(
      'of that package it has `wasi:keyvalue/store`, `wasi:keyvalue/atomics`, `wasi:keyvalue/batch`',
    )
    expect(linkCheck(['wasi:config/runtime@0.2.0-draft'])?.message).toContain('of that package it has `wasi:config/store`')
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
    expect(linkCheck(['wasi:nn/tensor@0.2.3'])?.import).toBe('wasi:nn/tensor@0.2.3')
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
