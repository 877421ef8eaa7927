import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMemoryTree } from '#host/providers/fs/memory-tree.ts'
import { sweepPrivateFolders } from '#host/providers/fs/private-folder.ts'
import { codeOf, mountedGuest, type MountedGuest, type MountWish, okOf, scratchFolder } from '../../host/providers/fs/mounted-guest.ts'

interface Scene extends AsyncDisposable {
  readonly box: string
  readonly copies: string
  guest(wish?: Partial<MountWish>): Promise<MountedGuest>
}

const scene = async (): Promise<Scene> => {
  const folder = await scratchFolder()
  const [box, copies] = [join(folder.path, 'box'), join(folder.path, 'copies')]
  await mkdir(box)
  return {
    box,
    copies,
    guest: (wish = {}) => mountedGuest({ '/box': { hostPath: box, kind: 'copy', ...wish } }, { copyFolder: copies }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** Nests folders as deep as somebody of the host likes, with short paths only. */
const nest = (folder: string, depth: number): void => {
  const below = `${folder}.below`
  for (let nth = 0; nth < depth; nth += 1) {
    mkdirSync(below)
    if (nth > 0) renameSync(folder, join(below, 'd'))
    renameSync(below, folder)
  }
}

/** Makes folders within one another, and moves others below them: their path is longer than any that a system call takes. */
const digBeyondAnyPath = async (guest: MountedGuest): Promise<void> => {
  const name = (first: string): string => first.padEnd(200, 'n')
  const dig = async (first: string): Promise<number> => {
    let dir = guest.root()
    for (let depth = 0; depth < 15; depth += 1) {
      okOf(await guest.mkdir(name(first), dir))
      dir = okOf(await guest.open(name(first), { directory: true }, dir)).handle
    }
    return dir
  }
  const bottom = await dig('a')
  await dig('b')
  okOf(await guest.rename(name('b'), 'b', { to: bottom }))
}

describe('a private copy', () => {
  test('deeper than any path goes like any other, and keeps no other agent from its own', async () => {
    await using s = await scene()
    await using guest = await s.guest()
    await digBeyondAnyPath(guest)
    await guest[Symbol.asyncDispose]()
    expect(readdirSync(s.copies)).toEqual([])
    await (await s.guest())[Symbol.asyncDispose]()
  })

  test('with many names for one file brings back no more than its quota', async () => {
    await using s = await scene()
    await using guest = await s.guest({ quotaBytes: 100_000 })
    expect(await guest.write('a', 'x'.repeat(60_000))).toBe('ok')
    for (let nth = 0; nth < 50; nth += 1) okOf(await guest.link('a', `link${nth}`))
    const [outcome] = await guest.session.finish()
    const sizes = readdirSync(s.box).map((name) => statSync(join(s.box, name)).size)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100_000)
    expect(outcome?.refusedCount).toBe(50)
    expect(outcome?.refused[0]?.why).toMatch(/quota/)
  })
})

describe('folders that were nested without end', () => {
  test('by a user of the host are neither copied nor measured', async () => {
    await using s = await scene()
    nest(join(s.box, 'd'), 400)
    await expect(s.guest()).rejects.toThrow('256 folders within one another')
    await expect(s.guest({ kind: 'live', quotaBytes: 1000 })).rejects.toThrow('too deep')
    expect(readdirSync(s.copies)).toEqual([])
  })

  test('by a guest, who moves them below one another, are not brought back', async () => {
    await using s = await scene()
    await using guest = await s.guest()
    const chain = Array.from({ length: 100 }, () => 'd')
    for (const [nth, top] of ['a', 'b', 'c', 'e'].entries()) {
      for (let depth = 0; depth < 100; depth += 1) okOf(await guest.mkdir([top, ...chain.slice(0, depth)].join('/')))
      if (nth > 0) okOf(await guest.rename(['a', 'b', 'c'][nth - 1] ?? '', [top, ...chain].join('/')))
    }
    const [outcome] = await guest.session.finish()
    expect(outcome?.summary['made']).toBe(256)
    expect(outcome?.refused.map(({ why }) => why.slice(-24)).join()).toMatch(/too deep|denied by policy/)
  })

  test('in memory cost no call more than a bounded time', async () => {
    await using guest = await mountedGuest({ '/box': { kind: 'memory' } })
    const path = Array.from({ length: 120 }, () => 'd')
    let bottom = -1
    for (const top of ['a', 'b', 'c']) {
      for (let depth = 0; depth < 120; depth += 1) okOf(await guest.mkdir([top, ...path.slice(0, depth)].join('/')))
      if (bottom < 0) bottom = okOf(await guest.open([top, ...path.slice(1)].join('/'), { directory: true })).handle
    }
    okOf(await guest.rename('a', ['b', ...path].join('/')))
    okOf(await guest.rename('b', ['c', ...path].join('/')))
    expect(codeOf(await guest.mkdir('x', bottom))).toBe('name-too-long')
  })
})

test('a folder that cannot be swept keeps nobody from a private copy', async () => {
  await using s = await scene()
  await (await s.guest())[Symbol.asyncDispose]()
  mkdirSync(join(s.copies, '00000000.1.1.1.0000000000000000'), { mode: 0 })
  await sweepPrivateFolders(s.copies)
  await (await s.guest())[Symbol.asyncDispose]()
})

test('private copies are not made where somebody else can rename them', async () => {
  await using s = await scene()
  mkdirSync(s.copies)
  await chmod(s.copies, 0o777)
  await expect(s.guest()).rejects.toThrow('nobody else’s to write'.replace('’', "'"))
})

test('a large folder in memory is put in order once, however often it is listed', async () => {
  const tree = createMemoryTree('test')
  const names = Array.from({ length: 20_000 }, (_, nth) => `${(nth * 7919) % 20_000}`.padStart(200, 'n'))
  for (const name of names) await tree.createDirectory(name)
  const listing = async (after: string | null): Promise<number> => {
    const began = performance.now()
    await tree.list(after)
    return performance.now() - began
  }
  const all: string[] = []
  for (let more = true; more;) {
    const page = await tree.list(all.at(-1) ?? null)
    all.push(...page.entries.map(([name]) => name))
    ;({ more } = page)
  }
  expect(all).toEqual(names.toSorted())
  const anew: number[] = []
  const again: number[] = []
  for (let round = 0; round < 7; round += 1) {
    await tree.createDirectory(`x${round}`)
    anew.push(await listing('n'.repeat(300)))
    again.push(await listing('n'.repeat(300)))
  }
  expect(Math.min(...again)).toBeLessThan(Math.min(...anew) / 4)
})
