import { describe, expect, test } from 'vitest'
import type { MakeBox } from './mount-contract.ts'
import { codeOf, type MountedGuest, okOf } from './mounted-guest.ts'

/** How many bytes may still be written: found by trying, and given back. */
const roomIn = async (box: MountedGuest, most: number): Promise<number> => {
  const { handle } = okOf(await box.create('probe'))
  let [fits, tooMuch] = [0, most + 1]
  while (tooMuch - fits > 1) {
    const size = Math.floor((fits + tooMuch) / 2)
    const answer = await box.session.call('fs.set-size', { handle, size })
    if (answer.ok) fits = size
    else tooMuch = size
    if (!answer.ok) expect(answer.code).toBe('quota')
  }
  okOf(await box.session.call('fs.close', { handle }))
  okOf(await box.unlink('probe'))
  return fits
}

/** How many names may still be made. */
const placesIn = async (box: MountedGuest): Promise<number> => {
  let made = 0
  while (made < 50 && (await box.symlink('x', `probe${made}`)).ok) made += 1
  expect(codeOf(await box.mkdir('probe'))).toBe('quota')
  for (let index = 0; index < made; index += 1) okOf(await box.unlink(`probe${index}`))
  return made
}

/** How every kind of mount counts. */
export const quotaContract = (kind: string, make: MakeBox): void => {
  describe(`${kind}: quotas`, () => {
    test('every way to grow is charged, and what shrinks or goes is free again, exactly once', async () => {
      await using box = await make({ quotaBytes: 1000 })
      const room = (): Promise<number> => roomIn(box, 2000)
      expect(await room()).toBe(1000)
      await box.write('f', 'x'.repeat(300))
      expect(await room()).toBe(700)
      const { handle } = okOf(await box.open('f', { write: true }))
      const call = box.session.call.bind(box.session)
      okOf(await call('fs.write', { handle, offset: 250 }, 'x'.repeat(100)))
      expect(await room()).toBe(650)
      okOf(await call('fs.write', { handle, offset: null }, 'x'.repeat(50)))
      expect(await room()).toBe(600)
      expect(codeOf(await call('fs.write', { handle, offset: 5000 }, 'x'))).toBe('quota')
      okOf(await call('fs.write', { handle, offset: 499 }, 'x'))
      expect(await room()).toBe(500)
      okOf(await call('fs.set-size', { handle, size: 200 }))
      expect(await room()).toBe(800)
      expect(codeOf(await call('fs.set-size', { handle, size: 1001 }))).toBe('quota')
      okOf(await call('fs.set-size', { handle, size: 1000 }))
      expect(await room()).toBe(0)
      okOf(await box.open('f', { write: true, truncate: true }))
      expect(await room()).toBe(1000)
    })

    test('the text of a link counts, and is freed with its last name', async () => {
      await using box = await make({ quotaBytes: 1000 })
      okOf(await box.symlink('é'.repeat(100), 'l'))
      expect(await roomIn(box, 2000)).toBe(800)
      expect(codeOf(await box.symlink('x'.repeat(801), 'm'))).toBe('quota')
      okOf(await box.link('l', 'm'))
      okOf(await box.unlink('l'))
      expect(await roomIn(box, 2000)).toBe(800)
      okOf(await box.unlink('m'))
      expect(await roomIn(box, 2000)).toBe(1000)
    })

    test('a file with many names counts once, and is free when the last name and the last handle are gone', async () => {
      await using box = await make({ quotaBytes: 1000 })
      await box.write('a', 'x'.repeat(400))
      okOf(await box.link('a', 'b'))
      okOf(await box.link('a', 'c'))
      expect(await roomIn(box, 2000)).toBe(600)
      const one = okOf(await box.open('a')).handle
      const two = okOf(await box.open('b')).handle
      for (const [act, room] of [
        [() => box.unlink('a'), 600],
        [() => box.rename('b', 'c'), 600],
        [() => box.unlink('b'), 600],
        [() => box.unlink('c'), 600],
        [() => box.session.call('fs.close', { handle: one }), 600],
        [() => box.session.call('fs.close', { handle: two }), 1000],
      ] as const) {
        okOf(await act())
        expect(await roomIn(box, 2000)).toBe(room)
      }
    })

    test('what is replaced by a rename is free, also while it is open', async () => {
      await using box = await make({ quotaBytes: 1000 })
      await box.write('a', 'x'.repeat(400))
      await box.write('b', 'x'.repeat(300))
      const { handle } = okOf(await box.open('b'))
      okOf(await box.rename('a', 'b'))
      expect(await roomIn(box, 2000)).toBe(300)
      okOf(await box.session.call('fs.close', { handle }))
      expect(await roomIn(box, 2000)).toBe(600)
    })

    test('every kind of name is charged, and free when it goes', async () => {
      await using box = await make({ quotaEntries: 6 })
      expect(await placesIn(box)).toBe(6)
      okOf(await box.mkdir('d'))
      await box.write('f', '')
      okOf(await box.symlink('f', 'l'))
      okOf(await box.link('f', 'h'))
      expect(await placesIn(box)).toBe(2)
      for (const refused of [
        () => box.mkdir('d'),
        () => box.symlink('f', 'l'),
        () => box.link('f', 'h'),
        () => box.rmdir('f'),
        () => box.unlink('d'),
      ])
        expect((await refused()).ok).toBe(false)
      expect(await placesIn(box)).toBe(2)
      okOf(await box.rename('h', 'd/h'))
      expect(await placesIn(box)).toBe(2)
      okOf(await box.rename('d/h', 'l'))
      expect(await placesIn(box)).toBe(3)
      for (const freed of [() => box.unlink('l'), () => box.unlink('f'), () => box.rmdir('d')]) okOf(await freed())
      expect(await placesIn(box)).toBe(6)
      for (let index = 0; index < 6; index += 1) okOf(await box.create(`f${index}`))
      expect(await box.write('g', '')).toBe('quota')
      expect(await box.write('f0', '')).toBe('ok')
    })

    test('what fails is not charged, however many try at once', async () => {
      await using box = await make({ quotaBytes: 1000, quotaEntries: 12 })
      const written = await Promise.all(Array.from({ length: 30 }, (_, index) => box.write(`f${index % 12}`, 'x'.repeat(100))))
      expect(new Set(written)).toEqual(new Set(['ok', 'quota']))
      for (const name of await box.names()) okOf(await box.unlink(name))
      expect([await roomIn(box, 2000), await placesIn(box)]).toEqual([1000, 12])
    })
  })
}
