import { parseInterfaceName } from '#core/interface-name.ts'

/** The versions of an interface that are linked; `text` is for messages. */
type VersionRange =
  /** As semver's caret means it: `0.2` matches `0.2.0` and every later `0.2.x`. */
  | { readonly series: string; readonly text: string }
  /** Drafts promise nothing about one another: these and no others. */
  | { readonly exactly: readonly string[]; readonly text: string }

const draftsOf = (...exactly: readonly string[]): VersionRange => ({ exactly, text: `exactly ${exactly.join(', ')}` })

const wasi02: VersionRange = { series: '0.2', text: '0.2.0 and later 0.2.x' }
const cordon01: VersionRange = { series: '0.1', text: '0.1.0 and later 0.1.x' }

/** Three names of one draft, which differ in nothing. */
const config02: VersionRange = draftsOf('0.2.0-rc.1', '0.2.0-draft', '0.2.0-draft-2024-09-27')
const keyvalueText = 'exactly 0.2.0-draft or 0.2.0-draft2'
const keyvalue2: VersionRange = { exactly: ['0.2.0-draft2'], text: keyvalueText }
/** It pages and counts by other types, so it has entries and adapters of its own. */
const keyvalue1: VersionRange = { exactly: ['0.2.0-draft'], text: keyvalueText }
const logging01: VersionRange = draftsOf('0.1.0-draft')

const underPackage = (packageId: string, names: readonly string[], range: VersionRange): [string, VersionRange][] =>
  names.map((name) => [`${packageId}/${name}`, range])

/**
 * Every interface a component may import, by its name without version, or with it where a draft is linked to an adapter of its own. Whatever is not
 * here is refused at load, by name.
 */
export const implementedInterfaces: ReadonlyMap<string, VersionRange> = new Map([
  ...underPackage(
    'wasi:cli',
    [
      'environment',
      'exit',
      'stdin',
      'stdout',
      'stderr',
      'terminal-input',
      'terminal-output',
      'terminal-stdin',
      'terminal-stdout',
      'terminal-stderr',
    ],
    wasi02,
  ),
  ...underPackage('wasi:clocks', ['monotonic-clock', 'wall-clock', 'timezone'], wasi02),
  ...underPackage('wasi:random', ['random', 'insecure', 'insecure-seed'], wasi02),
  ...underPackage('wasi:io', ['error', 'poll', 'streams'], wasi02),
  ...underPackage('wasi:filesystem', ['types', 'preopens'], wasi02),
  ...underPackage('wasi:http', ['types', 'outgoing-handler'], wasi02),
  ...underPackage('wasi:config', ['store'], config02),
  ...underPackage('wasi:keyvalue', ['store', 'atomics', 'batch'], keyvalue2),
  ...underPackage('wasi:keyvalue', ['store@0.2.0-draft', 'atomics@0.2.0-draft', 'batch@0.2.0-draft'], keyvalue1),
  ...underPackage('wasi:logging', ['logging'], logging01),
  ...underPackage(
    'wasi:sockets',
    ['network', 'instance-network', 'tcp', 'tcp-create-socket', 'udp', 'udp-create-socket', 'ip-name-lookup'],
    wasi02,
  ),
  ...underPackage('cordon:agent', ['secrets', 'tools'], cordon01),
])

/** An import that cannot be linked: `message` names it and what there is instead. */
export interface LinkProblem {
  readonly import: string
  readonly message: string
}

/**
 * The name under which the host has an interface that a component imports by `name`: without its version, save for drafts that are linked to
 * adapters of their own. Signatures, adapters and the list of what may wait all go by it.
 */
export const linkedName = (name: string): string => (implementedInterfaces.has(name) ? name : name.replace(/@.*$/s, ''))

/** Of a series plain releases only: a pre-release promises nothing about it. */
const isInRange = (version: string, range: VersionRange): boolean => {
  if ('exactly' in range) return range.exactly.includes(version)
  const match = /^(\d{1,9}\.\d{1,9})\.\d{1,9}$/.exec(version)
  return match?.[1] === range.series
}

const siblingsOf = (id: string): readonly string[] => {
  const packagePrefix = id.slice(0, id.indexOf('/') + 1)
  return [...implementedInterfaces.keys()].filter((name) => name.startsWith(packagePrefix) && !name.includes('@'))
}

const unknownInterface = (name: string, id: string): string => {
  const siblings = siblingsOf(id)
  return siblings.length === 0
    ? `the component imports \`${name}\`, which this host does not implement`
    : `the component imports \`${name}\`, which this host does not implement; of that package it has ${siblings.map((each) => `\`${each}\``).join(', ')}`
}

/** Says what is wrong with one import, `undefined` when it can be linked. */
const problemOf = (name: string): string | undefined => {
  const parsed = parseInterfaceName(name)
  if (parsed === undefined) {
    return `the component imports \`${name}\`, which is not an interface; expected a name like \`wasi:io/streams@0.2.12\``
  }
  const range = implementedInterfaces.get(linkedName(name))
  if (range === undefined) return unknownInterface(name, parsed.id)
  if (parsed.version === undefined) return `the component imports \`${name}\` without a version; this host implements ${range.text}`
  if (isInRange(parsed.version, range)) return undefined
  return `the component imports \`${name}\`; this host implements \`${parsed.id}\` at ${range.text}`
}

/** Gives the first import that this host cannot link, `undefined` when all can. */
export const linkCheck = (imports: readonly string[]): LinkProblem | undefined => {
  for (const name of imports) {
    const message = problemOf(name)
    if (message !== undefined) return { import: name, message }
  }
  return undefined
}
