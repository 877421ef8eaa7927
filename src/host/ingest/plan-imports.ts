import type { ComponentPlan, RootImport } from '#core/component/component-plan.ts'
import { CordonError } from '#core/errors.ts'
import { linkCheck, linkedName } from '#core/implemented-interfaces.ts'
import { SignatureTexts, type Signatures } from './signature-text.ts'

const unknown = (message: string): CordonError => new CordonError('component.import-unknown', message)
const shown = (signature: string): string => signature.slice(0, 200)

const checkFunctions = ({ name, functions }: RootImport, texts: SignatureTexts, reference: Signatures): void => {
  const id = linkedName(name)
  const known = Object.hasOwn(reference, id) ? (reference[id] ?? {}) : {}
  for (const { name: member, type } of functions) {
    const signature = texts.of(type)
    if (!Object.hasOwn(known, member)) throw unknown(`the component imports \`${member}\` of \`${name}\`, which this host does not have`)
    if (known[member] === signature) continue
    throw unknown(
      `the component imports \`${member}\` of \`${name}\` as \`${shown(signature)}\`; this host has it as \`${shown(known[member] ?? '')}\``,
    )
  }
}

/** All resources of the reference: there is none that no function gives or takes. */
const resourcesIn = (reference: Signatures): ReadonlySet<string> => {
  const texts = Object.values(reference).flatMap((functions) => Object.values(functions))
  return new Set(texts.flatMap((text) => [...text.matchAll(/(?:own|borrow)<([^<>]+)>/g)].map(([, id = '']) => id)))
}

/**
 * Gives the names of what a component imports, and refuses it when this host does not have all of that: each interface, each function with the very type it is
 * imported with (an adapter that answers with bytes where numbers were declared would be read past its end), each resource. Throws CordonError
 * `component.import-unknown`.
 */
export const checkImports = (plan: ComponentPlan, reference: Signatures): readonly string[] => {
  // A type that only gets a name needs nothing of the host; a resource type does.
  const needed = plan.imports.filter(({ kind, resources }) => kind !== 'type' || resources.length > 0)
  const names = needed.map(({ name }) => name)
  const problem = linkCheck(names)
  if (problem !== undefined) throw unknown(problem.message)
  const texts = new SignatureTexts(plan)
  for (const each of needed) checkFunctions(each, texts, reference)
  const known = resourcesIn(reference)
  for (const { name, resources } of needed) {
    const foreign = resources.find(({ resource }) => !known.has(texts.resource(resource)))
    if (foreign !== undefined)
      throw unknown(`the component imports the resource \`${foreign.name}\` of \`${name}\`, which this host does not have`)
  }
  return names
}
