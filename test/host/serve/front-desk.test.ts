import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRuntime, type AgentServer, type Runtime } from '#index.ts'
import { levelsToTest } from '../../fixtures/levels.ts'
import { testCache, testHome } from '../../fixtures/test-home.ts'

const bundle = new URL('../../../guests/front-desk', import.meta.url).pathname

for (const { level, skipped } of levelsToTest) {
  describe.skipIf(skipped !== undefined)(`guests/front-desk, served at level ${level}`, () => {
    const home = testHome()
    let runtime: Runtime
    let server: AgentServer
    beforeAll(async () => {
      const settings = { pool: { isolation: level }, audit: home.nextAudit(), keysDir: home.keysDir, cacheDir: testCache }
      runtime = await createRuntime({ ...settings, policy: join(bundle, 'policy.yaml') })
      server = await (await runtime.load(bundle)).serve({ listen: '0' })
    }, 180_000)
    afterAll(async () => {
      await runtime[Symbol.asyncDispose]()
      home[Symbol.dispose]()
    })

    test('answers from what it was granted', async () => {
      expect(await (await fetch(server.url)).json()).toEqual(['hours', 'menu'])
      expect(await (await fetch(`${server.url}/menu`)).text()).toBe('Fish on Friday.\n')
      expect((await fetch(`${server.url}/../agent`)).status).toBe(404)
      expect((await fetch(server.url, { method: 'DELETE' })).headers.get('allow')).toBe('GET')
    })

    test('shouts while it is still being spoken to', async () => {
      const outgoing = request(`${server.url}/shout`, { method: 'POST' })
      outgoing.write('first ')
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
      const [first] = (await once(incoming, 'data')) as [Buffer]
      expect(first.toString()).toBe('FIRST ')
      outgoing.end('last')
      expect(Buffer.concat(await incoming.toArray()).toString()).toBe('LAST')
    })

    test('streams more than it may hold at once', async () => {
      const sent = 'ein größeres wort '.repeat(40_000)
      const answer = await fetch(`${server.url}/shout`, { method: 'POST', body: sent })
      expect((await answer.text()) === sent.toUpperCase()).toBe(true)
    })
  })
}
