import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { effectiveFor, parseAllowOption } from '#host/config/effective-for.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'cordon-own-')))
afterAll(() => rmSync(root, { recursive: true }))
mkdirSync(join(root, 'state'))
mkdirSync(join(root, 'letters'))
symlinkSync('state', join(root, 'home'))

const mounting = (host: string, own: string) => (): unknown =>
  effectiveFor({
    agent: { name: 'a', digest: '', manifest: undefined },
    policies: [],
    layers: [parseAllowOption({ mounts: [{ host: join(root, host), guest: '/in' }] })],
    ownFolders: [join(root, own)],
  })

describe('D6: a mount that would show the keys, the log or the stores', () => {
  test.each([
    ['state', 'home/not-yet'],
    ['home', 'home/not-yet'],
    ['home', 'state/not-yet/keys'],
    ['.', 'home/not-yet/keys'],
  ])('of %s is refused though %s is made later, below a link', (host, own) => {
    expect(mounting(host, own)).toThrow(expect.objectContaining({ code: 'mount.invalid' }))
  })

  test('is any that holds them, and no other', () => {
    expect(mounting('letters', 'home/not-yet')).not.toThrow()
  })
})
