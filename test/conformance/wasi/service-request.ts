import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { OperationOf } from './expectation.ts'
import { Mismatch, shown } from './verdict.ts'

type ServiceRequest = OperationOf<'request'>

const responseTo = async ({ method, path, headers, body }: ServiceRequest, base: URL, signal: AbortSignal): Promise<IncomingMessage> => {
  const own = body === '' ? headers : { 'content-length': `${Buffer.byteLength(body)}`, ...headers }
  const call = request({ host: base.hostname, port: base.port, method, path, headers: own, signal, agent: false })
  call.end(body)
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  return response
}

const textOf = async (response: IncomingMessage): Promise<string> =>
  Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString()

/** Makes a request of a program that serves at `base` and compares what it answers. Throws {@link Mismatch}. */
export const exchange = async (wanted: ServiceRequest, base: URL, signal: AbortSignal): Promise<void> => {
  const what = `${wanted.method} ${wanted.path}`
  const { response: expected } = wanted
  const fail = (part: string, want: string, got: string): never => {
    throw new Mismatch(`${what}: expected ${part} ${want}, got ${got}`)
  }
  try {
    const response = await responseTo(wanted, base, signal)
    const body = await textOf(response)
    if (response.statusCode !== expected.status) fail('status', `${expected.status}`, `${response.statusCode} with ${shown(body)}`)
    for (const [name, value] of Object.entries(expected.headers)) {
      const got = response.headers[name.toLowerCase()]
      if (got !== value) fail(`header ${name}`, shown(value), shown(String(got)))
    }
    if (body !== expected.body) fail('body', shown(expected.body), shown(body))
  } catch (cause) {
    if (cause instanceof Mismatch) throw cause
    throw new Mismatch(`${what}: expected a response: ${cause instanceof Error ? cause.message : 'failed'}`)
  }
}
