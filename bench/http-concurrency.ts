import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker, isMainThread, parentPort } from 'node:worker_threads'
import { createRuntime } from '#index.ts'
import { sideBySide, timed, type Contender } from './measure.ts'
import { streamGuest } from './stream-guest.ts'

/**
 * A thousand requests of a thousand sessions at one time, in one cell on one thread, beside as many of Node's own `fetch`. The server answers none
 * before all have come, so that they really are open together.
 */
const together = Number(process.env['BENCH_REQUESTS'] ?? 1000)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 7)

const serve = (): void => {
  const waiting: ServerResponse[] = []
  const server = createServer((_request, response) => {
    waiting.push(response)
    if (waiting.length < together) return
    for (const each of waiting.splice(0)) each.end('x'.repeat(1000))
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: together }, () => parentPort?.postMessage((server.address() as AddressInfo).port))
}

const measure = async (): Promise<void> => {
  const server = new Worker(new URL(import.meta.url))
  const port = await new Promise<number>((resolve) => server.once('message', resolve))
  const scratch = mkdtempSync(join(tmpdir(), 'cordon-bench-'))
  const runtime = await createRuntime({
    audit: join(scratch, 'audit'),
    cacheDir: join(scratch, 'cache'),
    pool: { isolation: 'thread', max: 1 },
    allow: { net: [{ host: `127.0.0.1:${port}`, scheme: 'http' }] },
  })
  const agent = await runtime.loadComponent(await streamGuest(), { name: 'bench' })
  const limits = { memoryBytes: 4 * 1024 * 1024, timeoutMs: 120_000 }
  const contenders: readonly Contender[] = [
    {
      name: 'no isolation: fetch',
      times: 1,
      once: () =>
        timed(1, () => Promise.all(Array.from({ length: together }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()))),
    },
    {
      name: 'cordon thread: a session each, decided and recorded',
      times: 1,
      once: () => timed(1, () => Promise.all(Array.from({ length: together }, () => agent.run(`d 4096 127.0.0.1:${port}`, { limits })))),
    },
  ]
  const measured = await sideBySide(contenders, rounds, () => undefined)
  const rows = measured.map(
    ({ name, median, p25, p75, ratio }) =>
      `  ${name.padEnd(56)} ${(median / 1000).toFixed(0).padStart(7)} ${`${(p25 / 1000).toFixed(0)} – ${(p75 / 1000).toFixed(0)}`.padStart(16)} ${`${ratio.toFixed(2)}×`.padStart(8)}`,
  )
  process.stdout.write(`\n${together} requests open at one time (ms: median, quartiles, ratio to the first)\n${rows.join('\n')}\n`)
  const out = process.env['BENCH_JSON']
  if (out !== undefined) writeFileSync(out, JSON.stringify({ node: process.versions.node, rounds, together, measured }, null, 2))
  await runtime[Symbol.asyncDispose]()
  await server.terminate()
  rmSync(scratch, { recursive: true, force: true })
  process.exit(0)
}

if (isMainThread) await measure()
else serve()
