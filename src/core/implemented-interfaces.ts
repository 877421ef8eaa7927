import { parseInterfaceName } from '#core/interface-name.ts'

/** A run of versions, as semver's caret means it: same series, at least the lowest patch. */
interface VersionRange {
  /** `0.2` matches `0.2.0` and every later `0.2.x`. */
  readonly series: string
  /** For messages. */
  readonly text: string
}

const wasi02: VersionRange = { series: '0.2', text: '0.2.0 and later 0.2.x' }
const cordon01: VersionRange = { series: '0.1', text: '0.1.0 and later 0.1.x' }

const underPackage = (packageId: string, names: readonly string[], range: VersionRange): [string, VersionRange][] =>
  names.map((name) => [`${packageId}/${name}`, range])

/** Every interface a component may import, by its name without version. Whatever is not here is refused at load, by name. */
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
  ...underPackage('cordon:agent', ['secrets', 'tools'], cordon01),
])

/** An import that cannot be linked: `message` names it and what there is instead. */
export interface LinkProblem {
  readonly import: string
  readonly message: string
}

/** Plain releases only: a pre-release of a series promises nothing about the series. */
const isInSeries = (version: string, range: VersionRange): boolean => {
  const match = /^(\d{1,9}\.\d{1,9})\.\d{1,9}$/.exec(version)
  return match?.[1] === range.series
}

const siblingsOf = (id: string): readonly string[] => {
  const packagePrefix = id.slice(0, id.indexOf('/') + 1)
  return [...implementedInterfaces.keys()].filter((name) => name.startsWith(packagePrefix))
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
  const range = implementedInterfaces.get(parsed.id)
  if (range === undefined) return unknownInterface(name, parsed.id)
  if (parsed.version === undefined) return `the component imports \`${name}\` without a version; this host implements ${range.text}`
  if (isInSeries(parsed.version, range)) return undefined
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
