import type { Limits } from '#core/budget/limits.ts'
import { CordonError } from '#core/errors.ts'
import type { ListenAddress } from './http-listener.ts'
import type { ServeLimits } from './serve-limits.ts'

/** A piece of what a guest printed while it served. */
export interface ServedOutput {
  readonly session: string
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Uint8Array
}

/** How an agent is served over HTTP. */
export interface ServeOptions {
  /** `HOST:PORT`, `[ADDRESS]:PORT` or `PORT` (on the loopback); port 0 is any that is free. Default `127.0.0.1:8080`. */
  readonly listen?: string
  /**
   * By what requests are told apart: `header:NAME` (set by a proxy that takes it out of what clients send), `connection`, `request` or `none`. Two principals
   * never share a cell. Default `none`: each request has an instance of its own, in cells that all requests share.
   */
  readonly principal?: string
  /** Requests of one principal that one instance serves at most; default 1, a fresh one for each. */
  readonly reuse?: number
  /** Names (with or without port) that requests may be for. Default any; the loopback's own where the server listens on the loopback. */
  readonly hosts?: readonly string[]
  /** What the server takes in and waits for. */
  readonly server?: Partial<ServeLimits>
  /** Narrower limits of each session; its time is that of one request. */
  readonly limits?: Partial<Limits>
  /** On whose behalf the server runs, beside the principals of requests. Default `default`. */
  readonly segment?: string
  /** Grants for this server's sessions alone, in the shape of one agent's entry in a policy file. */
  readonly allow?: unknown
  /** Arguments of the agent. */
  readonly args?: readonly string[]
  /** Told what guests print. */
  readonly output?: (output: ServedOutput) => void
}

const maxReuse = 1_000_000

/** Where to listen. Throws CordonError `input.invalid`. */
export const parseListen = (text: string): ListenAddress => {
  const [, bracketed, name, digits = ''] = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):)?([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535)
    throw new CordonError('input.invalid', `expected an address to listen on such as \`127.0.0.1:8080\`, got \`${text}\``, {
      hint: 'an address of IPv6 goes into brackets: [::1]:8080',
    })
  return { host: bracketed ?? name ?? '127.0.0.1', port }
}

/** How many requests an instance serves. Throws CordonError `input.invalid`. */
export const checkReuse = (reuse: number): number => {
  if (Number.isInteger(reuse) && reuse >= 1 && reuse <= maxReuse) return reuse
  throw new CordonError('input.invalid', `expected an instance to serve from 1 to ${maxReuse} requests, got ${String(reuse)}`)
}
