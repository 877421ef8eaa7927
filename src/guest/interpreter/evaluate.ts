import { errorText } from '#guest/adapt.ts'
import { settle } from '#guest/quickjs/event-loop.ts'
import { callTool } from '#guest/tools.ts'
import { coroutines } from './coroutine.ts'
import type { EditedText, Place } from './edited-text.ts'
import { lower, runtimeName } from './lower.ts'
import { UnsupportedSyntax } from './syntax-tree.ts'

/** A snippet with what it sees; the same as `InterpreterInput` on the host's side. */
interface Task {
  readonly code: string
  readonly input: unknown
  readonly tools: readonly string[]
}

/** An error of the snippet, in the snippet's own lines and columns (1-based). */
interface Failure {
  readonly name: string
  readonly message: string
  readonly line: number | null
  readonly column: number | null
  readonly stack: string
}

type Answer = { readonly result: unknown } | { readonly error: Failure }

/** The code gets a block of its own, so that it may declare an `input` or `tools` itself. */
const opening = `(function* (input, tools, console, ${runtimeName}) {"use strict";{`

/** Each tool as an async function of its own name. */
const toolsOf = (names: readonly string[]): Readonly<Record<string, unknown>> => {
  const tools = Object.create(null) as Record<string, unknown>
  for (const name of names) tools[name] = (input?: unknown) => new Promise((resolve) => resolve(callTool(name, input)))
  return Object.freeze(tools)
}

/** Places in the engine's stack that are in the snippet: the engine calls evaluated text `<input>`. */
const snippetPlace = /<input>:(\d+):(\d+)/

/** The place in the snippet for one in the evaluated text. */
const originalPlace = (text: EditedText, line: number, column: number): Place =>
  text.originalPlace({ line, column: line === 1 ? Math.max(1, column - opening.length) : column })

/** The frames of a stack that lie in the snippet, in its own lines and columns. */
const snippetStack = (stack: string, text: EditedText): string =>
  stack
    .split('\n')
    .filter((frame) => snippetPlace.test(frame))
    .map((frame) =>
      frame.replace(snippetPlace, (_, line: string, column: string) => {
        const place = originalPlace(text, Number(line), Number(column))
        return `${place.line}:${place.column}`
      }),
    )
    .join('\n')

const failureOf = (error: unknown, text: EditedText): Failure => {
  if (!(error instanceof Error)) return { name: 'Error', message: errorText(error), line: null, column: null, stack: '' }
  const stack = error.stack ?? ''
  const [, line, column] = snippetPlace.exec(stack) ?? []
  const place = line === undefined || column === undefined ? undefined : originalPlace(text, Number(line), Number(column))
  return {
    name: error.name,
    message: error.message,
    line: place?.line ?? null,
    column: place?.column ?? null,
    stack: snippetStack(stack, text),
  }
}

/** What the parser threw: acorn puts the place behind the message and into `loc`. */
const syntaxFailure = (error: unknown, code: string): Failure => {
  if (!(error instanceof SyntaxError)) throw error
  const offset = error instanceof UnsupportedSyntax ? error.start : 'pos' in error ? Number(error.pos) : 0
  const before = code.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/)
  return {
    name: 'SyntaxError',
    message: error.message.replace(/ \(\d+:\d+\)$/, ''),
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    stack: '',
  }
}

/** Evaluates a snippet; whatever it throws is part of the answer. */
export const run = ({ code, input, tools }: Task): Answer => {
  let text: EditedText
  try {
    text = lower(code)
  } catch (error) {
    return { error: syntaxFailure(error, code) }
  }
  try {
    // eslint-disable-next-line no-eval -- evaluating is what an interpreter is for; indirect, so that it sees no local name
    const body = (0, eval)(`${opening}${String(text)}\n}})`) as (...args: unknown[]) => Generator
    const result = settle(coroutines.drive(body(input, toolsOf(tools), console, coroutines)))
    return { result: JSON.parse(JSON.stringify(result) ?? 'null') as unknown }
  } catch (error) {
    return { error: failureOf(error, text) }
  }
}
