import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { CordonError, didYouMean } from '#index.ts'

/** One verb of the command line. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** The whole text of `--help`, with an example. */
  readonly help: string
  /** Gives the exit code; throws CordonError. */
  perform(args: readonly string[]): Promise<number>
}

/** What the command line held, checked against the options of a command. */
export interface ParsedLine {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>
  readonly positionals: readonly string[]
  /** What stood after `--`. */
  readonly rest: readonly string[]
}

/** Parses arguments strictly. Throws CordonError `usage` with what was meant, where that can be guessed. */
export const parseLine = (args: readonly string[], options: ParseArgsOptionsConfig): ParsedLine => {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  try {
    const { values, positionals } = parseArgs({ args: [...own], options, allowPositionals: true, strict: true })
    return { values, positionals, rest: end < 0 ? [] : args.slice(end + 1) }
  } catch (cause) {
    throw usageError(cause, own, Object.keys(options))
  }
}

const usageError = (cause: unknown, args: readonly string[], names: readonly string[]): CordonError => {
  if (!(cause instanceof Error)) return new CordonError('usage', 'expected options', { cause, hint: 'see --help' })
  const [message = ''] = cause.message.split('. ')
  if (!('code' in cause) || cause.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
    return new CordonError('usage', lowerFirst(message), { hint: 'see --help' })
  return unknownOption(/'(-[^']*)'/.exec(message)?.[1] ?? args.find((arg) => arg.startsWith('-')) ?? '', names)
}

const unknownOption = (option: string, names: readonly string[]): CordonError => {
  if (option === '-A' || option === '--allow-all') {
    return new CordonError('usage', `there is no \`${option}\`: nothing grants everything`, {
      hint: 'grant what the agent needs: --allow-net=host, --mount HOST:GUEST, --allow-secret=NAME',
    })
  }
  const meant = didYouMean(option.replace(/^-+/, '').split('=')[0] ?? '', names)
  return new CordonError('usage', `unknown option \`${option}\``, {
    hint: meant === undefined ? 'see --help' : `did you mean \`--${meant}\`?`,
  })
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The values of an option that may be given several times and hold commas. */
export const listOf = (line: ParsedLine, name: string): readonly string[] => {
  const value = line.values[name]
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string')
}

/** The value of an option given at most once. */
export const textOf = (line: ParsedLine, name: string): string | undefined => {
  const value = line.values[name]
  return typeof value === 'string' ? value : undefined
}

/** Whether `-o json` was asked for. Throws CordonError `usage` for another format. */
export const wantsJson = (line: ParsedLine): boolean => {
  const format = textOf(line, 'output') ?? 'text'
  if (format !== 'json' && format !== 'text') throw new CordonError('usage', `expected \`-o json\` or \`-o text\`, got \`-o ${format}\``)
  return format === 'json'
}

/** The one positional argument of a command. Throws CordonError `usage`. */
export const onlyPositional = (line: ParsedLine, what: string): string => {
  const [only, more] = line.positionals
  if (only === undefined) throw new CordonError('usage', `expected ${what}, got nothing`, { hint: 'see --help' })
  if (more !== undefined)
    throw new CordonError('usage', `expected ${what} only, got \`${more}\` too`, { hint: 'arguments for the agent go after `--`' })
  return only
}
