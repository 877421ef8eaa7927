import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { CallQueue } from '#host/session/call-queue.ts'

const never = (): Promise<void> => new Promise(() => undefined)

test('works on sixteen calls at a time, the rest in order', async () => {
  const queue = new CallQueue()
  const begun: number[] = []
  const done = Array.from({ length: 20 }, () => Promise.withResolvers<void>())
  for (const [index, { promise }] of done.entries()) {
    queue.add('fs.read', () => {
      begun.push(index)
      return promise
    })
  }
  expect(begun).toHaveLength(16)
  done[3]?.resolve()
  await sleep(0)
  expect(begun).toEqual(Array.from({ length: 17 }, (_, index) => index))
})

test('lets calls that wait for the outside take nobody else’s place', async () => {
  const queue = new CallQueue()
  for (let index = 0; index < 200; index += 1) queue.add('tcp.read', never)
  let written = false
  queue.add('tcp.connect', async () => {
    written = true
  })
  expect(written).toBe(true)
})

test('waits at the end for what lasts, as for everything else', async () => {
  const queue = new CallQueue()
  const order: string[] = []
  queue.add('tcp.accept', async () => {
    await sleep(30)
    order.push('accepted')
  })
  await queue.settle()
  expect(order).toEqual(['accepted'])
})
