import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Proof } from './attack.ts'
import { attacks, weakenings } from './catalogue.ts'
import { weakenedText } from './weaken-plugin.ts'
import { copyWithout } from './weakened-copy.ts'

const root = new URL('../../..', import.meta.url).pathname
const vitest = join(root, 'node_modules/vitest/vitest.mjs')

interface Outcome {
  readonly numTotalTests: number
  readonly numFailedTests: number
  readonly numPassedTests: number
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cordon-bites-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs the tests of a proof against a host without its defence, and gives how they ended. */
const runWithout = async (name: string, { test: file, named, without = [], inCopy }: Proof): Promise<Outcome> => {
  const report = join(folder, `${name}.json`)
  const place = inCopy === true ? join(folder, name) : root
  if (inCopy === true) copyWithout(root, place, without)
  const args = [
    vitest,
    'run',
    '--config',
    'test/vitest.config.ts',
    `test/${file}`,
    '-t',
    named,
    // A test that waits for what never comes now has failed too, and soon.
    '--testTimeout=20000',
    '--hookTimeout=20000',
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  const env = inCopy === true ? process.env : { ...process.env, CORDON_WEAKEN: name }
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: place, env, timeout: 150_000 }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
  if (inCopy === true) await rm(place, { recursive: true })
  if (!existsSync(report)) throw new Error(`expected a report of ${file}, got: ${output.slice(-2000)}`)
  return JSON.parse(readFileSync(report, 'utf8')) as Outcome
}

describe.concurrent('a test that holds an attack off fails when the defence is taken out', () => {
  test.for(weakenings)('$name: $attack.tries', async ({ name, proof }, { expect: expectHere }) => {
    const { numTotalTests, numFailedTests, numPassedTests } = await runWithout(name, proof)
    expectHere(numTotalTests, 'tests found').toBeGreaterThan(0)
    // Counts tests that ran: a suite that could not even be loaded fails without a failed test.
    expectHere(numFailedTests, `of ${numFailedTests + numPassedTests} tests that ran`).toBeGreaterThan(0)
  })
})

test('every weakening finds its defence where it says', () => {
  for (const { name, proof } of weakenings) {
    for (const [file] of proof.without ?? []) {
      const text = readFileSync(join(root, file), 'utf8')
      expect(weakenedText(text, file, proof.without ?? []), name).not.toBe(text)
    }
  }
})

test('every attack has a proof, and every proof a weakening or a reason', () => {
  for (const { id, proofs } of attacks) {
    expect(proofs.length, id).toBeGreaterThan(0)
    for (const { test: file, without, because } of proofs) {
      expect(existsSync(join(root, 'test', file)), file).toBe(true)
      expect((without === undefined) !== (because === undefined), `${id} ${file}`).toBe(true)
    }
  }
})

test('no two weakenings have one name', () => {
  expect(weakenings.map(({ name }) => name)).toHaveLength(new Set(weakenings.map(({ name }) => name)).size)
})

/** The lines of what attackers try: so many of each letter. */
const lines = { A: 16, B: 16, C: 10, D: 9, E: 8, F: 4 } as const

test('every line of what attackers try has a proof, or a sentence that says why it cannot reach this host', () => {
  const ids = Object.entries(lines).flatMap(([letter, count]) => Array.from({ length: count }, (_, nth) => `${letter}${nth + 1}`))
  const proven = new Set(attacks.map(({ id }) => id.replace(/-.*/, '')))
  const map = readFileSync(join(root, 'src/README.md'), 'utf8')
  const section = map.slice(map.indexOf('\n## Attacks that cannot reach a host like this\n') + 1).split('\n## ')[0] ?? ''
  const excused = new Set([...section.matchAll(/^- \*\*([^*]+)\*\*/gm)].flatMap(([, named = '']) => named.match(/[A-F][0-9]+/g) ?? []))
  expect(excused.size).toBeGreaterThan(0)
  expect(ids.filter((id) => !proven.has(id) && !excused.has(id))).toEqual([])
})
