import { describe, expect, it, vi } from 'vitest'
import { Turns, type TurnTaker } from '#cell/turns.ts'

class Taker implements TurnTaker {
  cpuUs = 0
  turns = 0
  turnBegins(): void {
    this.turns++
  }
  charge(cpuUs: number): void {
    this.cpuUs += cpuUs
  }
}

const burn = (ms: number): void => {
  const { user } = process.cpuUsage()
  while (process.cpuUsage().user - user < ms * 1000);
}
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('turns on one thread', () => {
  it('charges each taker what its turn costs, the microtasks it sets off included', async () => {
    const turns = new Turns()
    const [busy, idle] = [new Taker(), new Taker()]
    turns.take(busy, 'waiting', () => {
      burn(5)
      void Promise.resolve()
        .then(() => burn(5))
        .then(() => burn(5))
    })
    turns.take(idle, 'waiting', () => undefined)
    for (let n = 0; n < 10; n++) await soon()
    expect(idle.turns).toBe(1)
    expect(busy.cpuUs + turns.unsettledUs(busy)).toBeGreaterThanOrEqual(14_000)
    expect(idle.cpuUs + turns.unsettledUs(idle)).toBeLessThan(5000)
  })

  it('charges turns that are shorter than the steps in which the system counts', async () => {
    const turns = new Turns()
    const [often, seldom] = [new Taker(), new Taker()]
    const spin = (taker: Taker, left: number): void =>
      turns.take(taker, 'slice', () => {
        const until = performance.now() + 0.5
        while (performance.now() < until);
        if (left > 0) spin(taker, left - 1)
      })
    spin(often, 99)
    spin(seldom, 19)
    for (let n = 0; n < 200; n++) await soon()
    const [most, least] = [often, seldom].map((each) => each.cpuUs + turns.unsettledUs(each))
    expect((most ?? 0) / (least ?? 0)).toBeGreaterThan(2)
    expect((most ?? 0) / (least ?? 0)).toBeLessThan(12)
    expect(most).toBeLessThan(100_000)
  })

  it('charges nobody for the time of a taker that has left, and charges that one no more', async () => {
    let cpuUs = 0
    const clock = vi.spyOn(process, 'threadCpuUsage').mockImplementation(() => ({ user: cpuUs, system: 0 }))
    const turns = new Turns()
    const [gone, staying] = [new Taker(), new Taker()]
    const lasting = (ms: number): void => {
      const until = performance.now() + ms
      while (performance.now() < until);
    }
    turns.take(gone, 'waiting', () => {
      lasting(5)
      turns.leave(gone)
      expect(turns.unsettledUs(gone)).toBe(0)
    })
    turns.take(staying, 'waiting', () => {
      lasting(5)
      cpuUs = 4000
    })
    for (let n = 0; n < 10; n++) await soon()
    clock.mockRestore()
    expect(gone.cpuUs).toBe(0)
    expect(staying.cpuUs).toBeGreaterThan(1000)
    expect(staying.cpuUs).toBeLessThan(3000)
  })

  it('alternates between those who waited and those who used up a slice', async () => {
    const turns = new Turns()
    const order: string[] = []
    const taker = new Taker()
    for (let n = 0; n < 3; n++) turns.take(taker, 'slice', () => order.push('slice'))
    for (let n = 0; n < 3; n++) turns.take(taker, 'waiting', () => order.push('waiting'))
    for (let n = 0; n < 20; n++) await soon()
    expect(order).toEqual(['waiting', 'slice', 'waiting', 'slice', 'waiting', 'slice'])
  })

  it('lets timers and the wire in between any two turns', async () => {
    const turns = new Turns()
    const order: string[] = []
    const taker = new Taker()
    for (let n = 0; n < 3; n++) turns.take(taker, 'slice', () => (burn(2), order.push('turn')))
    setTimeout(() => order.push('timer'), 1)
    for (let n = 0; n < 20; n++) await soon()
    expect(order.indexOf('timer')).toBeGreaterThan(0)
    expect(order.indexOf('timer')).toBeLessThan(3)
  })
})
