import { sample } from 'fast-check'
import { randomProgram } from '../core/wasm/random-program.ts'
import { assemble } from '../differential/contenders.ts'
import { pickFrom, type Pick } from '../differential/seeded-pick.ts'
import { joined, leb, lebAt, treeOf, type Section } from './component-tree.ts'
import { byteChanges } from './mutate-component.ts'

const preambleBytes = 8
const moduleSection = 1

interface CoreSection {
  id: number
  bytes: Uint8Array
}

const modulesIn = (sections: readonly Section[]): Uint8Array[] =>
  sections.flatMap(({ id, body }) => {
    if (!(body instanceof Uint8Array)) return modulesIn(body)
    return id === moduleSection ? [body] : []
  })

/** Core modules to begin from: those of `components`, and programs with loops, tables, memories and calls of all kinds. */
export const coreCorpus = async (components: readonly Uint8Array[]): Promise<readonly Uint8Array[]> => {
  const made: Uint8Array[] = components.flatMap((component) => modulesIn(treeOf(component)))
  for (const text of sample(randomProgram, { numRuns: 40, seed: 1 })) made.push(await assemble(text))
  return made
}

const sectionsOf = (module: Uint8Array): CoreSection[] => {
  const sections: CoreSection[] = []
  for (let at = preambleBytes; at < module.length;) {
    const size = lebAt(module, at + 1)
    if (size === undefined || size.end + size.value > module.length) throw new RangeError('expected a well-formed module')
    sections.push({ id: module[at] ?? 0, bytes: module.subarray(size.end, size.end + size.value) })
    at = size.end + size.value
  }
  return sections
}

const bytesOf = (module: Uint8Array, sections: readonly CoreSection[]): Uint8Array =>
  joined([module.subarray(0, preambleBytes), ...sections.flatMap(({ id, bytes }) => [Uint8Array.of(id), leb(bytes.length), bytes])])

const changeSections = (sections: CoreSection[], others: readonly Uint8Array[], pick: Pick): void => {
  const at = pick(sections.length)
  const kind = pick(5)
  if (kind === 0) sections.splice(at, 1)
  else if (kind === 1) sections.splice(pick(sections.length + 1), 0, ...sections.slice(at, at + 1).map((each) => ({ ...each })))
  else if (kind === 2) sections.push(...sections.splice(at, 1))
  else if (kind === 3) sections.splice(at, 1, pickFrom(sectionsOf(pickFrom(others, pick)), pick))
  else {
    const section = sections[at]
    if (section !== undefined) section.id = pick(14)
  }
}

/** A core module somewhat like `module`: one to four changes to its sections and what is in them, code most often. */
export const mutateCore = (module: Uint8Array, others: readonly Uint8Array[], pick: Pick): Uint8Array => {
  const sections = sectionsOf(module)
  for (let left = 1 + pick(pick(3) === 0 ? 4 : 1); left > 0 && sections.length > 0; left--) {
    if (pick(6) === 0) changeSections(sections, others, pick)
    else {
      const code = sections.filter(({ id }) => id === 10)
      const section = pickFrom(code.length > 0 && pick(2) === 0 ? code : sections, pick)
      if (section.bytes.length > 0) section.bytes = pickFrom(byteChanges, pick)(section.bytes, pick)
    }
  }
  return bytesOf(module, sections)
}
