import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { CordonError } from '#core/errors.ts'
import { Instances } from '#host/serve/instances.ts'
import type { ServedRequest, SessionStarter } from '#host/serve/served-session.ts'

/** Starts sessions that trap with their first call; `seen` is told of each. */
const trapping = (seen: (session: object) => void): SessionStarter => {
  const open = (): unknown => {
    const over = Promise.withResolvers<never>()
    const trap = new CordonError('agent.trap', 'on purpose')
    const session = { id: 'one', result: over.promise, kill: () => over.reject(trap) }
    seen(session)
    const add = async (): Promise<unknown> => {
      over.reject(trap)
      return { error: trap }
    }
    return { session, invocations: { ready: Promise.resolve(), add, close: () => over.reject(trap) } }
  }
  // What a server uses of sessions, and no more.
  return { open, begin: open, crowded: () => false, call: 'handle' } as unknown as SessionStarter
}

const collect = runInNewContext.bind(undefined, 'gc()')

test('an instance that fails before its client has all of the answer is let go of', async () => {
  const sessions: WeakRef<object>[] = []
  const instances = new Instances({
    starter: trapping((session) => sessions.push(new WeakRef(session))),
    reuse: 10,
    idleMs: 1000,
    maxIdle: 10,
  })
  for (let nth = 0; nth < 20; nth += 1) {
    const slow = Promise.withResolvers<{ readonly outcome: string }>()
    const request = { input: '{}', exchange: { ended: slow.promise }, begins: () => undefined } as unknown as ServedRequest
    const { done } = await instances.serve(`principal-${nth}`, request)
    await done
    await new Promise((resolve) => setImmediate(resolve))
    slow.resolve({ outcome: 'done' })
  }
  setFlagsFromString('--expose-gc')
  await new Promise((resolve) => setTimeout(resolve, 50))
  collect()
  // Keeps what is looked at.
  expect(sessions.filter((session) => session.deref() !== undefined).length).toBeLessThan(3)
  await instances.close()
})
