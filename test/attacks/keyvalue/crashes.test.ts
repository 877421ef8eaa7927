import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { StoreHome, storeRule } from '../../host/providers/keyvalue/store-guest.ts'

const writer = fileURLToPath(new URL('../../fixtures/hosts/key-value-writer.ts', import.meta.url))

interface Written {
  readonly acknowledged: readonly string[]
  readonly refused: string | undefined
}

/** Lets a host write until it has said so often that it did, kills it, and gives what it had said. With `fileBlocks`, no file of it may get longer (512 bytes each). */
const writeUntil = async (
  home: StoreHome,
  { times, fileBlocks }: { readonly times?: number; readonly fileBlocks?: number },
): Promise<Written> => {
  const limit = fileBlocks === undefined ? '' : `ulimit -f ${fileBlocks} && `
  const argv = [process.execPath, '--conditions=source', writer, home.folder, Buffer.from(home.key).toString('hex')]
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (times !== undefined && said.split('\n').length > times) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  // A line that was cut off was not said.
  const lines = said.slice(0, said.lastIndexOf('\n') + 1).split('\n')
  return {
    acknowledged: lines.filter((line) => line.startsWith('done ')).map((line) => line.slice('done '.length)),
    refused: lines.find((line) => line.startsWith('refused '))?.slice('refused '.length),
  }
}

describe('a host that is killed while it writes', () => {
  test('has lost nothing that it had acknowledged, each of several times', async () => {
    await using home = new StoreHome()
    const all = new Set<string>()
    for (const times of [1, 7, 40]) {
      const { acknowledged } = await writeUntil(home, { times })
      expect(acknowledged.length).toBeGreaterThanOrEqual(times)
      for (const key of acknowledged) all.add(key)
      const bucket = await home.guest([storeRule('default')]).open()
      for (const key of all) expect((await bucket.get(key))?.length, key).toBe(20_000)
    }
    expect(home.troubles).toEqual([])
  })
})

describe('a host whose disk is full', () => {
  test('says so to the guest, loses nothing, and goes on when there is room again', async () => {
    await using home = new StoreHome()
    const { acknowledged, refused } = await writeUntil(home, { fileBlocks: 4000 })
    expect(refused).toBe('unavailable')
    expect(acknowledged.length).toBeGreaterThan(10)
    const bucket = await home.guest([storeRule('default')]).open()
    for (const key of acknowledged) expect((await bucket.get(key))?.length, key).toBe(20_000)
    expect(await bucket.set('later', 'on')).toBe('ok')
    expect(home.troubles).toEqual([])
  })
})
