import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mountedGuest, okOf, scratchFolder } from '../../host/providers/fs/mounted-guest.ts'

test('a guest that has everything synced at once leaves the host threads to do something else meanwhile', async () => {
  await using folder = await scratchFolder()
  await using guest = await mountedGuest({ '/box': { hostPath: folder.path } })
  await using log = await open(join(folder.path, 'log'), 'w')
  guest.session.egressLeft = 2 ** 40
  const handles: number[] = []
  for (let nth = 0; nth < 16; nth += 1) handles.push(okOf(await guest.create(`file${nth}`)).handle)
  const chunk = new Uint8Array(256 * 1024).fill(7)
  /** What part of the time of all syncs one look at a file of the host took. */
  const attempt = async (): Promise<number> => {
    for (let at = 0; at < 8; at += 1)
      for (const handle of handles) okOf(await guest.session.call('fs.write', { handle, offset: at * chunk.length }, chunk))
    const began = performance.now()
    const syncs = Promise.all(handles.map((handle) => guest.session.call('fs.sync', { handle, dataOnly: false })))
    await log.stat()
    const looked = performance.now() - began
    await syncs
    return looked / (performance.now() - began)
  }
  const parts = [await attempt(), await attempt(), await attempt()]
  // All four threads at work for others: at least three quarters of the time. Other work of the machine comes in between now and then.
  expect(Math.min(...parts)).toBeLessThan(0.5)
})
