import { expect, test } from 'vitest'
import { OutputCapture } from '#host/session/output-capture.ts'
import { EventQueue, type SessionEvent } from '#host/session/session-event.ts'

const output = (stream: 'stdout' | 'stderr', text: string): SessionEvent => ({
  type: 'output',
  stream,
  bytes: new TextEncoder().encode(text),
})
const decision = { type: 'decision', call: { id: 'c' } } as unknown as SessionEvent
const words = (event: SessionEvent): string =>
  event.type === 'output' ? `${event.stream} ${new TextDecoder().decode(event.bytes)}` : event.type
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('events come in order, output as it comes, and again for whoever looks later', async () => {
  const queue = new EventQueue()
  const heard: string[] = []
  const watching = (async () => {
    for await (const event of queue) heard.push(words(event))
  })()
  for (const event of [output('stdout', 'a'), output('stdout', 'b'), decision, decision, output('stderr', 'c')]) {
    queue.push(event)
    await turn()
  }
  queue.push(output('stderr', 'd'))
  queue.push(output('stdout', 'e'))
  queue.end()
  await watching
  expect(heard).toEqual(['stdout a', 'stdout b', 'decision', 'decision', 'stderr c', 'stderr d', 'stdout e'])
  expect((await Array.fromAsync(queue)).map(words)).toEqual(['stdout ab', 'decision', 'decision', 'stderr cd', 'stdout e'])
})

test('a guest that prints single bytes costs the host bytes, not objects', async () => {
  const count = 1_000_000
  const queue = new EventQueue()
  const capture = new OutputCapture()
  const bytes = new Uint8Array([97])
  const before = process.memoryUsage().rss
  for (let at = 0; at < count; at += 1) queue.push({ type: 'output', stream: 'stdout', bytes: capture.take('stdout', bytes, 1) })
  for (let at = 0; at < count; at += 1) {
    const stream = at % 2 === 0 ? 'stdout' : 'stderr'
    queue.push({ type: 'output', stream, bytes: capture.take(stream, bytes, 1) })
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(160 * 1024 * 1024)
  expect(capture.text('stdout').length + capture.text('stderr').length).toBe(2 * count)
  queue.end()
  expect((await Array.fromAsync(queue))[0]).toMatchObject({ bytes: { length: count + 1 } })
})
