import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Outcome } from './outcome.ts'
import { runScript } from './run-script.ts'

const folder = new URL('cases', import.meta.url).pathname
const scripts = globSync('*.wast', { cwd: folder }).sort()

const told = (file: string, { line, directive, verdict, detail }: Outcome): string => `${file}:${line} ${directive}: ${verdict}: ${detail}`

describe('our own scripts', () => {
  it('are all there', () => {
    expect(scripts.length).toBeGreaterThanOrEqual(13)
  })

  // What the text parser refuses proves nothing, and what is unsupported was not run: neither has a place here.
  it.for(scripts.map((file) => [file] as const))('%s: every assertion passes', async ([file]) => {
    const outcomes = await runScript(readFileSync(`${folder}/${file}`, 'utf8'))
    expect(outcomes.filter(({ verdict }) => verdict !== 'pass').map((each) => told(file, each))).toEqual([])
    expect(outcomes.length).toBeGreaterThan(0)
  })
})
