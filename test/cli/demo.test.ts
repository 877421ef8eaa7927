import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { startItemsServer } from '../../guests/briefing/server.ts'
import { cordonHome } from '../fixtures/cordon-process.ts'

const home = cordonHome()
afterAll(() => home[Symbol.dispose]())

const briefing = new URL('../../guests/briefing/', import.meta.url).pathname
const key = readFileSync(`${briefing}demo-key.txt`, 'utf8').trim()

/** Runs what `npm start` runs, in the test's own home. */
const start = async (): Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }> => {
  const child = spawn(process.execPath, ['--conditions=source', `${briefing}demo.ts`], { env: { ...home.environment } })
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, ...text }
}

test(
  'npm start runs the demo agent on real letters and a real service, and shows every call and the way to allow each denied one',
  { timeout: 400_000 },
  async () => {
    const { exitCode, stdout, stderr } = await start()
    expect(exitCode).toBe(0)
    const result = JSON.parse(stdout.slice(stdout.indexOf('\n{\n') + 1)) as {
      letters: unknown[]
      items: unknown[]
      attempts: { denied: boolean }[]
    }
    expect(result.letters).toHaveLength(3)
    expect(result.items).toHaveLength(3)
    expect(result.attempts).toHaveLength(8)
    expect(result.attempts.every(({ denied }) => denied)).toBe(true)
    expect(stderr).toMatch(/allow {2}net:request GET http:\/\/127\.0\.0\.1:8787\/v1\/items +done/)
    expect(stderr).toMatch(/deny {3}net:request GET http:\/\/127\.0\.0\.1:8787\/v1\/admin +not-granted +allow with: --allow-net=/)
    expect(stderr).toMatch(/deny {3}env:read BRIEFING_LANGUAGE +not-granted +allow with: --allow-env=BRIEFING_LANGUAGE/)
    expect(stderr).toMatch(
      /deny {3}net:request GET http:\/\/169\.254\.169\.254:80\/latest\/meta-data\/ +denied +denied by .*policy\.yaml:\d+/,
    )
    expect(stderr).toContain('# Briefing for today')
    expect(stdout + stderr).not.toContain(key)
    const again = await start()
    expect(again.stderr).toContain('from the ingest cache')
  },
)

test('the demo without its service still gives the envelope', { timeout: 400_000 }, async () => {
  const { exitCode, stdout } = await home.cordon(['run', briefing, '--policy', `${briefing}policy.yaml`, '-o', 'json'])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, result: { items: [] }, session: { agent: 'briefing' } })
})

test('a port in use is told by its number, with what to do', async () => {
  await using first = await startItemsServer({ key, port: 0 })
  const port = Number(new URL(first.url).port)
  await expect(startItemsServer({ key, port })).rejects.toMatchObject({
    code: 'port.in-use',
    message: `expected port \`${port}\` on 127.0.0.1 to be free, found it in use`,
    hint: expect.stringContaining('end the program') as string,
  })
})
