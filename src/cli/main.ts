import { CordonError, didYouMean } from '#index.ts'
import { auditCommand } from '#cli/commands/audit.ts'
import { buildCommand } from '#cli/commands/build.ts'
import { doctorCommand } from '#cli/commands/doctor.ts'
import { evalCommand } from '#cli/commands/eval.ts'
import { initCommand } from '#cli/commands/init.ts'
import { runCommand } from '#cli/commands/run.ts'
import { serveCommand } from '#cli/commands/serve.ts'
import type { Command } from '#cli/command.ts'

import { readerGone, surviveReaders, writeError, writeText } from '#cli/terminal.ts'

const commands: readonly Command[] = [runCommand, serveCommand, initCommand, buildCommand, evalCommand, auditCommand, doctorCommand]

const help = (): string =>
  [
    'cordon runs agents you do not trust.',
    '',
    'usage: cordon <command> [options]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`),
    '',
    '`cordon <command> --help` shows its options and an example.',
    '',
  ].join('\n')

const perform = async ([name, ...rest]: readonly string[]): Promise<number> => {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    await writeText(help())
    return name === undefined ? 2 : 0
  }
  const command = commands.find((each) => each.name === name)
  if (command === undefined) {
    const names = commands.map((each) => each.name)
    const meant = didYouMean(name, names)
    throw new CordonError('usage', `expected a command, got \`${name}\``, {
      hint: meant === undefined ? `one of: ${names.join(', ')}` : `did you mean \`cordon ${meant}\`?`,
    })
  }
  if (rest.includes('--help') && !(rest.includes('--') && rest.indexOf('--') < rest.indexOf('--help'))) {
    await writeText(command.help)
    return 0
  }
  return await command.perform(rest)
}

/** A reader that had enough is no failure of ours; output that could not be written is. */
const lostOutputCode = (reason: unknown): number => (reason instanceof Error && 'code' in reason && reason.code === 'EPIPE' ? 0 : 125)

/** Runs one command line and ends the process with its exit code, once everything was written. */
export const main = async (args: readonly string[]): Promise<void> => {
  surviveReaders()
  let exitCode: number
  try {
    exitCode = await perform(args)
  } catch (error) {
    const known =
      error instanceof CordonError
        ? error
        : new CordonError('internal', 'something in Cordon failed unexpectedly', {
            cause: error,
            hint: 'run again with --log-level debug, and report it',
          })
    await writeError(known, args)
    exitCode = known.exitCode
  }
  if (exitCode === 0 && readerGone.aborted) exitCode = lostOutputCode(readerGone.reason)
  // Whatever a dependency left open must not keep the command line from ending.
  process.exit(exitCode)
}
