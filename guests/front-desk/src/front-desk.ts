/**
 * A service: each request has an instance of its own, which is gone with its answer. `GET /` lists the notices, `GET /<name>` shows one, `POST /shout` gives
 * back what it is sent in capitals, while it is still being sent.
 */
import { FileError, listFolder, readText } from 'cordon/guest'

/** What StarlingMonkey makes of a request. */
interface FetchEvent {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}

declare const addEventListener: (type: 'fetch', listener: (event: FetchEvent) => void) => void

const folder = '/notices'

const notice = (name: string): Response => {
  try {
    return new Response(readText(`${folder}/${name}.txt`))
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return new Response('no such notice\n', { status: 404 })
  }
}

/** Text in capitals, a piece at a time; a character may be split over two of them. */
const shouted = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      controller.enqueue(encoder.encode(decoder.decode(value, { stream: !done }).toUpperCase()))
      if (done) controller.close()
    },
  })
}

const answer = async ({ method, url, body }: Request): Promise<Response> => {
  const { pathname } = new URL(url)
  if (method === 'POST' && pathname === '/shout') return body === null ? new Response('') : new Response(shouted(body))
  if (method !== 'GET') return new Response('only looking\n', { status: 405, headers: { allow: 'GET' } })
  if (pathname !== '/') return notice(pathname.slice(1))
  return Response.json(listFolder(folder).map(({ name }) => name.replace(/\.txt$/, '')))
}

addEventListener('fetch', (event) => event.respondWith(answer(event.request)))
