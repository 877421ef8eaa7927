import { expect, test, vi } from 'vitest'
import { Admission } from '#host/serve/admission.ts'

const stays = new AbortController().signal

test('so many are in, so many wait in order, the rest are turned away at once', async () => {
  const admission = new Admission({ concurrency: 1, queued: 2, queueMs: 3000 })
  expect(await admission.enter(stays)).toBe('in')
  const order: string[] = []
  const waiting = ['first', 'second'].map((name) => admission.enter(stays).then((turn) => order.push(`${name} ${turn}`)))
  expect(await admission.enter(stays)).toBe('full')
  admission.leave()
  await waiting[0]
  expect(order).toEqual(['first in'])
  admission.leave()
  await waiting[1]
  admission.leave()
  expect([order[1], admission.inside]).toEqual(['second in', 0])
})

test('nobody waits longer than so long, nor when they went away, nor when it is closed', async () => {
  vi.useFakeTimers()
  try {
    const admission = new Admission({ concurrency: 1, queued: 10, queueMs: 1000 })
    await admission.enter(stays)
    const leaving = new AbortController()
    const ends = [admission.enter(stays), admission.enter(leaving.signal)]
    leaving.abort()
    vi.advanceTimersByTime(1001)
    const last = admission.enter(stays)
    admission.close()
    expect(await Promise.all([...ends, last, admission.enter(stays)])).toEqual(['late', 'gone', 'closed', 'closed'])
    admission.leave()
    expect(admission.inside).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
