import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeOf, mountedGuest, okOf, scratchFolder } from './mounted-guest.ts'

const openDescriptors = (): number => readdirSync('/proc/self/fd').length
const latin1 = (folder: string, bytes: readonly number[]): Buffer => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(bytes)])

describe('what only a host can put into a folder', () => {
  test('names that are not UTF-8 cannot be asked for and are left out, and so keep their folder from being removed', async () => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'd'))
    await writeFile(latin1(join(folder.path, 'd'), [0xe9]), 'x')
    await writeFile(join(folder.path, 'd', 'é'), 'y')
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    const dir = okOf(await guest.open('d', { directory: true })).handle
    expect(await guest.names(dir)).toEqual(['é'])
    expect(codeOf(await guest.stat('d/\ufffd'))).toBe('no-entry')
    okOf(await guest.unlink('d/é'))
    expect(codeOf(await guest.rmdir('d'))).toBe('not-empty')
  })

  test('the text of a link that is not UTF-8 is no text', async () => {
    await using folder = await scratchFolder()
    await symlink(Buffer.from([0x66, 0xff]), join(folder.path, 'l'))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
    expect(codeOf(await guest.readlink('l'))).toBe('illegal-byte-sequence')
    expect(codeOf(await guest.open('l'))).toBe('illegal-byte-sequence')
    okOf(await guest.unlink('l'))
  })

  test('FIFOs, sockets and devices can be seen, named and removed, and are never opened nor waited for', async () => {
    await using folder = await scratchFolder()
    execFileSync('mkfifo', [join(folder.path, 'fifo')])
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(folder.path, 'socket'), resolve))
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000, quotaEntries: 10 } })
    const began = performance.now()
    for (const type of ['fifo', 'socket']) {
      expect(okOf(await guest.stat(type)).value).toMatchObject({ type })
      for (const flags of [{}, { write: true }, { create: true, write: true, truncate: true }])
        expect(codeOf(await guest.open(type, flags))).toBe('not-permitted')
      expect(codeOf(await guest.open(type, { directory: true }))).toBe('not-directory')
      okOf(await guest.rename(type, `${type}2`))
      okOf(await guest.unlink(`${type}2`))
    }
    expect(performance.now() - began).toBeLessThan(2000)
    await new Promise((resolve) => server.close(resolve))
  })

  test('what comes and goes between two looks is no failure of a listing or a measure', async () => {
    await using folder = await scratchFolder()
    for (let index = 0; index < 300; index += 1) await writeFile(join(folder.path, `f${index}`), 'x')
    const end = new AbortController()
    const churning = (async () => {
      for (let index = 0; !end.signal.aborted; index = (index + 1) % 300) {
        await rename(join(folder.path, `f${index}`), join(folder.path, 'away'))
        await rename(join(folder.path, 'away'), join(folder.path, `f${index}`))
      }
    })()
    for (let round = 0; round < 10; round += 1) {
      await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
      expect((await guest.names()).length).toBeGreaterThan(290)
    }
    end.abort()
    await churning
  })

  test('a folder that is gone is empty, and nothing holds on to it afterwards', async () => {
    await using folder = await scratchFolder()
    await mkdir(join(folder.path, 'box'))
    const before = openDescriptors()
    {
      await using guest = await mountedGuest({ '/box': { hostPath: join(folder.path, 'box') } })
      execFileSync('rmdir', [join(folder.path, 'box')])
      expect(await guest.names()).toEqual([])
      expect(codeOf(await guest.create('f'))).toBe('no-entry')
      await mkdir(join(folder.path, 'box'))
      expect(codeOf(await guest.create('f'))).toBe('no-entry')
      expect(existsSync(join(folder.path, 'box', 'f'))).toBe(false)
    }
    expect(openDescriptors()).toBe(before)
  })

  test('entries that were there count where entries have a quota, and only there', async () => {
    await using folder = await scratchFolder()
    for (const name of ['a', 'b', 'c']) await writeFile(join(folder.path, name), '')
    await using bounded = await mountedGuest({ '/box': { hostPath: folder.path, quotaEntries: 4 } })
    okOf(await bounded.mkdir('d'))
    expect(codeOf(await bounded.mkdir('e'))).toBe('quota')
    okOf(await bounded.unlink('a'))
    okOf(await bounded.mkdir('e'))
    await using free = await mountedGuest({ '/box': { hostPath: folder.path } }, { maxNewEntries: 1 })
    okOf(await free.mkdir('f'))
    expect(codeOf(await free.mkdir('g'))).toBe('quota')
    await unlink(join(folder.path, 'b'))
    expect(codeOf(await free.mkdir('g'))).toBe('quota')
  })

  test('hard links that were there count once', async () => {
    await using folder = await scratchFolder()
    await writeFile(join(folder.path, 'a'), 'x'.repeat(600))
    execFileSync('ln', [join(folder.path, 'a'), join(folder.path, 'b')])
    await using guest = await mountedGuest({ '/box': { hostPath: folder.path, quotaBytes: 1000 } })
    expect(await guest.write('c', 'x'.repeat(400))).toBe('ok')
    expect(await guest.write('d', 'x')).toBe('quota')
  })
})
