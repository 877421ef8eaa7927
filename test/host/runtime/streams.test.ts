import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createRuntime, detectLevels } from '#index.ts'
import { streamGuest } from '../../../bench/stream-guest.ts'

const component = await streamGuest()
const available = (await detectLevels()).filter(({ ok }) => ok).map(({ level }) => level)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Past what one chunk, one pipe and one buffer hold, and not a multiple of any. */
const sizes = [0, 1, 65_536, 262_144, 262_145, 3_333_333]

test.each(available)(
  'a guest at level %s copies files byte by byte, through its own memory and by splicing, and is charged what it moved',
  async (level) => {
    const folder = await mkdtemp(join(tmpdir(), 'cordon-streams-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const data = await mkdtemp(join(folder, 'data-'))
    await using runtime = await createRuntime({
      audit: join(folder, 'audit'),
      cacheDir: join(folder, 'cache'),
      pool: { isolation: level, max: 1 },
      allow: { mounts: [{ host: data, guest: '/data', mode: 'rw' }], limits: { egress: '64Mi', ingress: '64Mi' } },
    })
    const agent = await runtime.loadComponent(component, { name: 'copier' })
    for (const [nth, size] of sizes.entries()) {
      const bytes = randomBytes(size)
      await writeFile(join(data, 'in'), bytes)
      for (const input of [`c ${[1000, 65_536, 1_048_576][nth % 3]}`, `s ${[1_048_576, 3000, 65_536][nth % 3]}`]) {
        await rm(join(data, 'out'), { force: true })
        const { result, usage } = await agent.run(input)
        expect(result).toBe(size)
        expect(sha256(await readFile(join(data, 'out')))).toBe(sha256(bytes))
        expect(usage).toMatchObject({ egressBytes: size, ingressBytes: size })
      }
    }
  },
)

test.each(available)('a guest at level %s gets a response into a file and sends a request body, byte by byte', async (level) => {
  const folder = await mkdtemp(join(tmpdir(), 'cordon-streams-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const data = await mkdtemp(join(folder, 'data-'))
  const bytes = randomBytes(3_333_333)
  const received: string[] = []
  const server = createServer((request, response) => {
    const hash = createHash('sha256')
    request.on('data', (chunk: Buffer) => hash.update(chunk))
    request.on('end', () => {
      received.push(hash.digest('hex'))
      // In pieces of uneven lengths, some of which come together.
      for (let at = 0, nth = 0; at < bytes.length; nth++) {
        const next = at + 1 + ((nth * 7919) % 100_000)
        response.write(bytes.subarray(at, next))
        at = next
      }
      response.end()
    })
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  await using runtime = await createRuntime({
    audit: join(folder, 'audit'),
    cacheDir: join(folder, 'cache'),
    pool: { isolation: level, max: 1 },
    allow: {
      mounts: [{ host: data, guest: '/data', mode: 'rw' }],
      net: [{ host, scheme: 'http' }],
      limits: { egress: '64Mi', ingress: '64Mi' },
    },
  })
  const agent = await runtime.loadComponent(component, { name: 'copier' })
  for (const chunk of [3000, 65_536, 1_048_576]) {
    expect((await agent.run(`f ${chunk} ${host}`)).result).toBe(bytes.length)
    expect(sha256(await readFile(join(data, 'out')))).toBe(sha256(bytes))
    expect((await agent.run(`u ${chunk} ${host} 2222222`)).result).toBe(bytes.length)
    expect(received.at(-1)).toBe(sha256(new Uint8Array(2_222_222)))
  }
})
