import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCache } from '../../fixtures/test-home.ts'
import { buildPrograms, programNames } from './build-programs.ts'
import { runFolder } from './run-folder.ts'
import type { Verdict } from './verdict.ts'

const folder = mkdtempSync(join(tmpdir(), 'cordon-programs-'))
const verdicts = new Map<string, Verdict>()

// All of them in one go: two at a time, each in a process of the real command line.
beforeAll(async () => {
  await buildPrograms(folder)
  const all = await runFolder(folder, { jobs: 2, timeoutMs: 60_000, options: [], cacheFolder: join(testCache, 'wasi-ingest') })
  for (const verdict of all) verdicts.set(verdict.program, verdict)
}, 400_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('our own programs, through `cordon run` and `cordon serve`', () => {
  it('are run, each of them', () => {
    expect([...verdicts.keys()].sort()).toEqual(programNames)
    expect(programNames.length).toBeGreaterThan(20)
  })

  it.each(programNames)('%s does as its expectation says', (name) => {
    const { verdict, reason } = verdicts.get(name) ?? { verdict: 'fail', reason: 'it was not run' }
    expect({ verdict, reason }).toEqual({ verdict: 'pass', reason: '' })
  })
})
