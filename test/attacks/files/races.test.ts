import { readdirSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { mountedGuest, scratchFolder } from '../../host/providers/fs/mounted-guest.ts'
import { readAfterLooking } from './naive-walker.ts'
import { racingProcess } from './racing-process.ts'

/** Runs `script` in a thread of its own, with `folder`, until disposed; counts its rounds. */
const racer = async (folder: string, script: string): Promise<{ rounds: () => number; [Symbol.asyncDispose](): Promise<void> }> => {
  const counter = new Int32Array(new SharedArrayBuffer(4))
  const source = `
    const { workerData } = require('node:worker_threads')
    const fs = require('node:fs')
    const { join } = require('node:path')
    const { folder, counter } = workerData
    const at = (...parts) => join(folder, ...parts)
    for (;;) { try { ${script} } catch (error) { if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error } Atomics.add(counter, 0, 1) }`
  const worker = new Worker(source, { eval: true, workerData: { folder, counter }, execArgv: [] })
  const failed = new Promise<never>((_resolve, reject) => worker.once('error', reject))
  failed.catch(() => undefined)
  while (Atomics.load(counter, 0) < 10) await Promise.race([new Promise((resolve) => setTimeout(resolve, 5)), failed])
  return {
    rounds: () => Atomics.load(counter, 0),
    [Symbol.asyncDispose]: async () => {
      await worker.terminate()
    },
  }
}

const raceMs = 1500

/** A box with a real directory `real` (its `secret` reads `decoy`) and, outside, a directory `out` (its `secret` must not be read). */
const arena = async (): Promise<Awaited<ReturnType<typeof scratchFolder>>> => {
  const folder = await scratchFolder()
  await mkdir(join(folder.path, 'box', 'real'), { recursive: true })
  await mkdir(join(folder.path, 'out'))
  await writeFile(join(folder.path, 'box', 'real', 'secret'), 'decoy')
  await writeFile(join(folder.path, 'out', 'secret'), 'the secret')
  return folder
}

describe('A4: a thread of the host that flips what the guest walks', () => {
  test('a directory and a link out take turns at one name: no read gets out', async () => {
    await using folder = await arena()
    await using flips = await racer(
      folder.path,
      `fs.symlinkSync('../out', at('box/link')); fs.renameSync(at('box/real'), at('box/x')); fs.renameSync(at('box/x'), at('box/real'));
       fs.renameSync(at('box/link'), at('box/x')); fs.unlinkSync(at('box/x'))`,
    )
    await using guest = await mountedGuest({ '/box': { hostPath: join(folder.path, 'box') } })
    const seen = new Map<string, number>()
    const until = performance.now() + raceMs
    const before = flips.rounds()
    while (performance.now() < until) {
      const results = await Promise.all(['x/secret', 'x/./secret', 'x/../x/secret', 'x/secret'].map((path) => guest.read(path)))
      for (const result of results) seen.set(result, (seen.get(result) ?? 0) + 1)
    }
    expect(seen.get('the secret')).toBeUndefined()
    // The race was one: the thread ran, and the guest met more than one side of it.
    expect(flips.rounds() - before).toBeGreaterThan(100)
    expect(seen.size).toBeGreaterThan(1)
    expect([...seen.keys()].every((result) => ['decoy', 'no-entry', 'not-permitted', 'not-directory', 'loop'].includes(result))).toBe(true)
  })

  test('a file and a link out take turns at the last name: no read and no write gets out', async () => {
    await using folder = await arena()
    await writeFile(join(folder.path, 'box', 'f'), 'decoy')
    await using flips = await racer(
      folder.path,
      `fs.renameSync(at('box/f'), at('box/x')); fs.renameSync(at('box/x'), at('box/f'));
       fs.symlinkSync('../out/secret', at('box/x')); fs.unlinkSync(at('box/x'))`,
    )
    await using guest = await mountedGuest({ '/box': { hostPath: join(folder.path, 'box') } })
    const seen = new Set<string>()
    const until = performance.now() + raceMs
    while (performance.now() < until) {
      seen.add(await guest.read('x'))
      seen.add(await guest.read('x', { followLinks: false }))
      const written = await guest.open('x', { write: true, followLinks: Math.random() < 0.5 })
      if (written.ok) await guest.session.call('fs.close', { handle: written.handle })
      await guest.stat('x')
    }
    expect(seen.has('the secret')).toBe(false)
    expect(flips.rounds()).toBeGreaterThan(100)
    expect(seen.size).toBeGreaterThan(1)
  })

  test('what a guest creates, renames and removes meanwhile stays inside', async () => {
    await using folder = await arena()
    await using _flips = await racer(
      folder.path,
      `fs.symlinkSync('../out', at('box/x')); fs.unlinkSync(at('box/x')); fs.renameSync(at('box/real'), at('box/x')); fs.renameSync(at('box/x'), at('box/real'))`,
    )
    await using guest = await mountedGuest({ '/box': { hostPath: join(folder.path, 'box') } })
    const until = performance.now() + raceMs
    let wrote = 0
    for (let round = 0; performance.now() < until; round += 1) {
      if ((await guest.write(`x/new${round}`, 'x')) === 'ok') wrote += 1
      await guest.mkdir(`x/d${round}`)
      await guest.rename('x/secret', `x/moved`)
      await guest.rename('x/moved', 'x/secret')
      await guest.link('x/secret', `x/h${round}`)
      await guest.unlink(`x/new${round}`)
      await guest.rmdir(`x/d${round}`)
    }
    expect(readdirSync(join(folder.path, 'out'))).toEqual(['secret'])
    expect(await readFile(join(folder.path, 'out', 'secret'), 'utf8')).toBe('the secret')
    expect(wrote).toBeGreaterThan(0)
  })

  test('two guests that share a folder race each other: one renames and links, the other reads', async () => {
    await using folder = await arena()
    const mount = { '/box': { hostPath: join(folder.path, 'box') } }
    await using one = await mountedGuest(mount)
    await using two = await mountedGuest(mount)
    await one.mkdir('deep')
    const until = performance.now() + raceMs
    const seen = new Set<string>()
    const flipping = (async () => {
      while (performance.now() < until) {
        await one.rename('real', 'deep/x')
        await one.rename('deep/x', 'real')
        await one.symlink('real', 'deep/x')
        await one.unlink('deep/x')
      }
    })()
    while (performance.now() < until) {
      for (const path of ['deep/x/secret', 'deep/x/../../out/secret', 'deep/x/../../../out/secret']) seen.add(await two.read(path))
    }
    await flipping
    expect(seen.has('the secret')).toBe(false)
    expect(seen.has('not-permitted')).toBe(true)
  })
})

/** A folder and a link that leads out take turns at the name `x`. */
const swaps = `fs.renameSync(at('box/real'), at('box/x')); fs.renameSync(at('box/x'), at('box/real'));
  fs.renameSync(at('box/link'), at('box/x')); fs.renameSync(at('box/x'), at('box/link'))`

describe('A4: a process of the host that swaps folders and links', () => {
  test('wins against a host that looks and then opens, so that the race is one', async () => {
    await using folder = await arena()
    await symlink('../out', join(folder.path, 'box', 'link'))
    await using racer = await racingProcess(folder.path, swaps)
    const until = performance.now() + 20_000
    let tries = 0
    let won = false
    while (!won && performance.now() < until) {
      for (let round = 0; round < 500 && !won; round += 1, tries += 1)
        won = readAfterLooking(join(folder.path, 'box'), 'x/secret') === 'the secret'
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect([won, racer.rounds() > 0, tries > 0]).toEqual([true, true, true])
  }, 30_000)

  test('never wins against two guests that share the folder and swap and open as well, in thousands of tries', async () => {
    await using folder = await arena()
    await symlink('../out', join(folder.path, 'box', 'link'))
    await using racer = await racingProcess(folder.path, swaps)
    const mount = { '/box': { hostPath: join(folder.path, 'box') } }
    await using one = await mountedGuest(mount)
    await using two = await mountedGuest(mount)
    await one.mkdir('mine')
    const seen = new Map<string, number>()
    const note = (result: string): void => void seen.set(result, (seen.get(result) ?? 0) + 1)
    const until = performance.now() + 20_000
    let tries = 0
    const before = racer.rounds()
    const isEnough = (): boolean => tries >= 4000 || performance.now() >= until
    while (!isEnough()) {
      await Promise.all([
        one.rename('mine', 'y').then(() => one.rename('y', 'mine')),
        one.symlink('mine', 'y').then(() => one.unlink('y')),
        ...[one, two].flatMap((guest) =>
          ['x/secret', 'x/./secret', 'y/../x/secret', 'x/../x/secret'].map(async (path) => {
            note(await guest.read(path))
            note(await guest.write(`${path}-new`, 'written by a guest'))
            tries += 1
          }),
        ),
      ])
    }
    expect(seen.get('the secret')).toBeUndefined()
    expect(readdirSync(join(folder.path, 'out'))).toEqual(['secret'])
    expect(tries).toBeGreaterThan(1000)
    expect(racer.rounds()).toBeGreaterThan(before)
    // Both sides of the swap were met.
    expect(seen.get('decoy')).toBeGreaterThan(0)
    expect(seen.get('not-permitted')).toBeGreaterThan(0)
  }, 40_000)

  test('never wins against a private copy, going in or coming back', async () => {
    await using folder = await arena()
    await symlink('../out', join(folder.path, 'box', 'link'))
    await mkdir(join(folder.path, 'box', 'x'))
    await using racer = await racingProcess(folder.path, swaps.replaceAll('box/x', 'box/y'))
    const wish = { '/box': { hostPath: join(folder.path, 'box'), kind: 'copy' } } as const
    const until = performance.now() + 20_000
    let [copies, seenIn, wroteBack] = [0, 0, 0]
    for (; copies < 60 && performance.now() < until; copies += 1) {
      await using guest = await mountedGuest(wish, { copyFolder: join(folder.path, 'copies') })
      for (const name of ['real', 'y', 'link']) {
        expect(await guest.read(`${name}/secret`)).not.toBe('the secret')
        if ((await guest.write(`${name}/secret`, `decoy ${copies}`)) === 'ok') seenIn += 1
        await guest.write(`${name}/new`, 'written by a guest')
      }
      const [outcome] = await guest.session.finish()
      wroteBack += Number(outcome?.summary['written'])
    }
    expect(await readFile(join(folder.path, 'out', 'secret'), 'utf8')).toBe('the secret')
    expect(readdirSync(join(folder.path, 'out'))).toEqual(['secret'])
    expect([copies > 5, seenIn > 0, wroteBack > 0, racer.rounds() > 0]).toEqual([true, true, true, true])
  }, 40_000)
})
