import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Proof } from './attack.ts'
import { attacks, weakenings } from './catalogue.ts'
import { ProofRunners, type ProofOutcome } from './proof-runner.ts'
import { weakenedText } from './weaken-plugin.ts'
import { copyWithout } from './weakened-copy.ts'

const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '')
const timeoutMs = 20_000

const runners = new ProofRunners(2)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cordon-bites-'))
})
afterAll(async () => {
  runners[Symbol.dispose]()
  await rm(folder, { recursive: true })
})

/** Runs the tests of a proof against a host without its defence. */
const runWithout = async (name: string, { test: file, named, without = [], inCopy }: Proof): Promise<ProofOutcome> => {
  if (inCopy !== true) return await runners.run({ place: root, weakening: name, test: file, named, timeoutMs })
  const place = join(folder, name)
  copyWithout(root, place, without)
  try {
    return await runners.run({ place, weakening: undefined, test: file, named, timeoutMs })
  } finally {
    await rm(place, { recursive: true })
  }
}

describe.concurrent('a test that holds an attack off fails when the defence is taken out', () => {
  test.for(weakenings)('$name: $attack.tries', async ({ name, proof }, { expect: expectHere }) => {
    const { found, failed, passed, errors } = await runWithout(name, proof)
    expectHere(found, `tests found; ${errors.join('; ')}`).toBeGreaterThan(0)
    // Counts tests that ran: a suite that could not even be loaded fails without a failed test.
    expectHere(failed, `of ${failed + passed} tests that ran; ${errors.join('; ')}`).toBeGreaterThan(0)
  })
})

test('the same tests pass, run in the same way, against the host as it is', async () => {
  for (const name of ['A1.1', 'B8.1', 'G3.1']) {
    const proof = weakenings.find((each) => each.name === name)?.proof
    const { failed, passed } = await runners.run({
      place: root,
      weakening: undefined,
      test: proof?.test ?? '',
      named: proof?.named ?? '',
      timeoutMs,
    })
    expect([failed, passed > 0], name).toEqual([0, true])
  }
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
