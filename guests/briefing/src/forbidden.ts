import type { environment, readText, useSecret, writeText } from 'cordon/guest'

/** One thing the agent tried, and what came of it. */
export interface Attempt {
  readonly tried: string
  readonly outcome: string
  readonly denied: boolean
}

/** The doors that it tries. */
interface Doors {
  readonly environment: typeof environment
  readonly readText: typeof readText
  readonly useSecret: typeof useSecret
  readonly writeText: typeof writeText
}

/** What went wrong, with the cause that the engine keeps behind a failed `fetch`. */
const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const attempt = async (tried: string, act: () => unknown): Promise<Attempt> => {
  try {
    const got = await act()
    return { tried, outcome: `got in: ${JSON.stringify(got)?.slice(0, 60)}`, denied: false }
  } catch (error) {
    return { tried, outcome: `refused (${describe(error)})`, denied: true }
  }
}

const status = async (url: string, init?: RequestInit): Promise<number> => (await fetch(url, init)).status

/** Tries what neither the manifest asks for nor the policy grants, and says how each was refused. */
export const tryForbiddenThings = async (doors: Doors): Promise<Attempt[]> => [
  await attempt('another port', () => status('http://127.0.0.1:8788/')),
  await attempt('another path', () => status('http://127.0.0.1:8787/v1/admin')),
  await attempt('the cloud metadata address', () => status('http://169.254.169.254/latest/meta-data/')),
  await attempt('a path out of the mount', () => doors.readText('/inbox/../policy.yaml')),
  await attempt('a link out of the mount', () => doors.readText('/inbox/outside.txt')),
  await attempt('writing to the read-only mount', () => doors.writeText('/inbox/note.txt', 'I was here')),
  await attempt('a secret it did not request', () => doors.useSecret('master-key')),
  await attempt('an environment variable', () => {
    const value = doors.environment()['BRIEFING_KEY']
    if (value === undefined) throw new Error('not there')
    return value
  }),
]
