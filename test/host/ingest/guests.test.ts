import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools'
import { describe, expect, test } from 'vitest'
import { readComponent } from '#core/component/read-component.ts'
import { loadToolset } from '#host/ingest/bindgen.ts'
import { makeComponent } from '#host/ingest/make-component.ts'
import { makeGlue } from '#host/ingest/make-glue.ts'

const root = new URL('../../../', import.meta.url).pathname
const profile = { maxMemoryPages: 4096, maxTableElements: 1_000_000 }
/** jco drops versions, so that two drafts of one interface cannot be told apart on that route: it refuses the earlier one by name. */
const guests = globSync(`${root}guests/*/*.wat`).filter((path) => !path.includes('counts-by-the-earlier-draft'))
const tools = await loadToolset()

const componentOf = async (file: string): Promise<Uint8Array> =>
  file.endsWith('.wat') ? await parse(readFileSync(file, 'utf8')) : new Uint8Array(readFileSync(file))

describe('the same is ingested either way', () => {
  test.each([...guests, `${root}dist/vendor/interpreter.wasm`].map((file) => [basename(file), file] as const))(
    '%s',
    async (_name, file) => {
      expect(guests.length).toBeGreaterThan(15)
      const bytes = await componentOf(file)
      const own = makeComponent(bytes, profile, tools.signatures)
      const jco = makeGlue(bytes, profile, tools)
      const sorted = ({ exports }: typeof own | typeof jco) => exports.toSorted((a, b) => a.call.localeCompare(b.call))
      expect(own.imports).toEqual(jco.imports)
      expect(sorted(own)).toEqual(sorted(jco))
      const plan = readComponent(own.component, { metered: true })
      expect(plan.modules).toHaveLength(readComponent(bytes).modules.length)
      expect(plan.exports).toEqual(readComponent(bytes).exports)
    },
  )
})
