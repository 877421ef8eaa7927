import { describe, expect, it } from 'vitest'
import { InstanceLife } from '#glue/instance-life.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const over = new Error('the session is over')

describe('the life of an instance', () => {
  it('ends its timers, those that come later too', async () => {
    const life = new InstanceLife()
    let ran = 0
    life.setTimeout(() => ran++, 5)
    life.setInterval(() => ran++, 5)
    life.end(over)
    life.setTimeout(() => ran++, 5)
    life.setInterval(() => ran++, 5)
    await pause(30)
    expect(ran).toBe(0)
  })

  it('lets timers run and be cleared while it lasts', async () => {
    const life = new InstanceLife()
    const ran: string[] = []
    life.setTimeout(() => ran.push('once'), 1)
    const interval = life.setInterval(() => ran.length < 4 && ran.push('again'), 1)
    life.clearTimer(life.setTimeout(() => ran.push('never'), 1))
    await expect.poll(() => ran.length).toBe(4)
    life.clearTimer(interval)
    life.clearTimer(undefined)
    expect(ran.toSorted()).toEqual(['again', 'again', 'again', 'once'])
  })

  it('is ended by an error in a timer, thrown or rejected, which reaches nobody else', async () => {
    for (const run of [() => Promise.reject(over), () => expect.fail('the session is over')]) {
      const life = new InstanceLife()
      const waiting = life.until(new Promise(() => undefined))
      life.setTimeout(run)
      await expect(waiting).rejects.toThrow('the session is over')
    }
  })

  it('rejects what waits when it ends, and what comes to wait later', async () => {
    const life = new InstanceLife()
    const waiting = life.until(new Promise(() => undefined))
    life.end(over)
    life.end(new Error('again'))
    await expect(waiting).rejects.toBe(over)
    await expect(life.until(Promise.resolve(1))).rejects.toBe(over)
  })

  it('gives back what does not wait, and what settles first', async () => {
    const life = new InstanceLife()
    expect(life.until(5)).toBe(5)
    await expect(life.until(Promise.resolve(6))).resolves.toBe(6)
    await expect(life.until(Promise.reject(over))).rejects.toBe(over)
  })

  it('has a limit to its timers', () => {
    const life = new InstanceLife()
    const startMany = (): void => {
      for (let nth = 0; nth < 5000; nth++) life.setTimeout(() => undefined, 60_000)
    }
    expect(startMany).toThrow('at most 4096 timers')
    life.end(over)
  })
})
