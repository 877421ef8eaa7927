import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, resolve } from 'node:path'

import { ownModule } from './build-tools.ts'
import type { BundledSource } from './bundle-source.ts'

/** Positions in the bundle, as both engines write them. */
const bundlePlace = /(?:agent|user)\.js:(\d+):(\d+)/g

/** What the engines say about an error that the top level threw. */
const messages = [/JavaScript module evaluation: (?:Error: )?(.*)/, /agent\.js:\d+:\d+ (.*)/, /Failed to declare JavaScript module: (.*)/]

const hostCall = /attempted to call an unknown imported function: '([^']*)' '([^']*)'/

/** The author's place that an error comes from: the innermost one outside of Cordon's guest library. */
const authorPlace = (errors: string, source: BundledSource): string | undefined => {
  const map = new SourceMap(JSON.parse(source.map) as SourceMapPayload)
  const library = dirname(ownModule('guest/index'))
  for (const [, line, column] of errors.matchAll(bundlePlace)) {
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
    if (!('originalSource' in entry) || entry.originalSource === 'cordon-agent.js') continue
    if (resolve(source.folder, entry.originalSource).startsWith(library)) continue
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  }
  return undefined
}

/**
 * One line for what went wrong when the module was loaded into its engine: `file:line:column: message` in the author's
 * files. No stack, and no path of this machine.
 *
 * @param errors - what the build process wrote to its standard error
 */
export const explainBuild = (errors: string, source: BundledSource): string => {
  const [, iface, name] = hostCall.exec(errors) ?? []
  if (iface !== undefined) return `calls the host (\`${iface}\`, \`${name}\`) while the module loads: do it inside of \`run\``
  const message = messages.map((pattern) => pattern.exec(errors)?.[1]).find((text) => text !== undefined)
  const first = errors.split('\n').find((line) => line.trim() !== '') ?? 'the build process ended without a word'
  const place = authorPlace(errors, source)
  return `${place === undefined ? '' : `${place}: `}${(message ?? first).trim().slice(0, 500)}`
}
