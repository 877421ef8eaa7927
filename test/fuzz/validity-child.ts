/** Says of one component after the other whether ingest and jco's own validator agree on it. A panic poisons the transpiler: it ends the process after its answer. */
import { $init, generate } from '@bytecodealliance/jco-transpile/component'
import { rewriteComponent } from '#host/ingest/rewrite-component.ts'
import type { Case, CaseResult } from './answer-cases.ts'

await $init

/** What the tool cannot make glue of although it is valid. */
const beyondTheTool = /reexport|appears more than once|failed to extract interface|failed to decode WIT|cannot represent/

const messageOf = (error: unknown): string => (error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error))

const refusalOf = (act: () => unknown): string | undefined => {
  try {
    act()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

const options = {
  name: 'component',
  map: [],
  instantiation: { tag: 'async' },
  base64Cutoff: 0,
  noTypescript: true,
  noNodejsCompat: true,
}

const compare = (component: Uint8Array): { readonly verdict: string; readonly finding?: string } => {
  const ours = refusalOf(() => rewriteComponent(component, { maxMemoryPages: 65_536, maxTableElements: 10_000_000 }))
  const theirs = refusalOf(() => generate(component, options as never))
  if (theirs !== undefined && /unreachable|cannot enter/.test(theirs)) return { verdict: 'panicked' }
  if ((ours === undefined) === (theirs === undefined)) return { verdict: ours === undefined ? 'both accept' : 'both refuse' }
  if (theirs === undefined) return { verdict: `only we refuse: ${ours?.replaceAll(/\d+/g, 'N')}` }
  return beyondTheTool.test(theirs) ? { verdict: 'beyond the tool' } : { verdict: 'only they refuse', finding: theirs }
}

process.on('message', ({ component }: Case) => {
  const { verdict, finding } = compare(Uint8Array.from(component))
  const result: CaseResult = { verdict, finding, cpuMs: 0, peakRssBytes: 0 }
  process.send?.(result, () => {
    if (verdict === 'panicked') process.exit(0)
  })
})
