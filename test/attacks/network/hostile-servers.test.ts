import { describe, expect, test } from 'vitest'
import { localGuest, rawServer, type Reply } from '../../host/providers/http/http-guest.ts'

interface Suffered {
  readonly replies: readonly Reply[]
  /** Processor time that it took, of which this thread's is the time that nobody else was served. */
  readonly cpuMs: number
}

/** What a guest gets of a server that answers each request with these pieces, and what that costs. */
const suffer = async (pieces: readonly (string | Buffer)[], requests = 1): Promise<Suffered> => {
  await using server = await rawServer((socket) =>
    socket.once('data', () => {
      for (const piece of pieces) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      socket.end()
    }),
  )
  await using guest = localGuest(server.port)
  const replies: Reply[] = []
  const before = process.cpuUsage()
  for (let request = 0; request < requests; request += 1) replies.push(await guest.request())
  const { user, system } = process.cpuUsage(before)
  return { replies, cpuMs: (user + system) / 1000 }
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'

describe('E5: a server cannot keep the host busy', () => {
  const gap = ' '.repeat(16_000)

  test('with white space inside field values, in one head after the other', async () => {
    const head = `HTTP/1.1 103 Early Hints\r\nx: a${gap}b\r\ny: a${gap}b\r\n\r\n`
    const { replies, cpuMs } = await suffer([head.repeat(16), ok])
    expect(replies[0]?.body).toBe('hi')
    expect(cpuMs).toBeLessThan(1000)
  })

  test('with white space before what may not stand in a field value', async () => {
    const { replies, cpuMs } = await suffer([`HTTP/1.1 200 OK\r\nx:${gap}\x01\r\n\r\n`], 16)
    expect(replies.map(({ code }) => code)).toEqual(Array(16).fill('HTTP-protocol-error'))
    expect(cpuMs).toBeLessThan(1000)
  })
})
