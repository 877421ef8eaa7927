import type { ListenAddress } from './http-listener.ts'

const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** An authority without its port, in lower case. */
const nameOf = (authority: string): string => authority.toLowerCase().replace(/:[0-9]+$/, '')

const isLoopback = ({ host }: ListenAddress): boolean => host === '::1' || host.startsWith('127.')

/**
 * Whether requests for `authority` are served here. A server on the loopback is reached by every page in a browser on this machine whose name its owner
 * points there (DNS rebinding), so it answers to the loopback's own names alone unless told others.
 */
export const isServedHost = (authority: string, hosts: readonly string[] | undefined, listening: ListenAddress): boolean => {
  const name = nameOf(authority)
  if (hosts !== undefined) return hosts.some((host) => host.toLowerCase() === name || host.toLowerCase() === authority.toLowerCase())
  return !isLoopback(listening) || loopback.has(name) || name === listening.host
}
