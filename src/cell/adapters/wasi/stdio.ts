import type { SessionScope } from '#cell/adapters/session-scope.ts'
import { HeldResource } from '#cell/adapters/held-resource.ts'
import { sealClass, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import { InboundPipe, type Chunk } from './inbound-pipe.ts'
import { OutboundPipe } from './outbound-pipe.ts'
import { PipeFailure } from './pipe-failure.ts'
import { InputStream, OutputStream } from './streams.ts'

/** `wasi:cli/terminal-input` `terminal-input`: only its existence says something. */
class TerminalInput {
  readonly #held: HeldResource

  constructor(scope: SessionScope) {
    this.#held = new HeldResource(scope)
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

/** `wasi:cli/terminal-output` `terminal-output`. */
class TerminalOutput {
  readonly #held: HeldResource

  constructor(scope: SessionScope) {
    this.#held = new HeldResource(scope)
  }

  [Symbol.dispose](): void {
    this.#held.drop()
  }
}

sealClass(TerminalInput)
sealClass(TerminalOutput)

const readStdin =
  (scope: SessionScope) =>
  async (length: number): Promise<Chunk> => {
    const reply = await scope.call('stdin.read', { length })
    if (!reply.ok) throw new PipeFailure({ kind: 'other' })
    return { bytes: reply.body, end: reply.value['end'] === true || reply.body.byteLength === 0 }
  }

const outputInterface = (scope: SessionScope, stream: 'stdout' | 'stderr', member: string): Members => {
  const pipe = new OutboundPipe(scope, { ordered: true, write: (bytes) => scope.world.output(stream, bytes) })
  return sealInterface({ [member]: (): OutputStream => new OutputStream(scope, pipe) })
}

/** Standard input, output and error of `wasi:cli`, and what says whether they are terminals. All streams of one kind share one pipe. */
export const stdioInterfaces = (scope: SessionScope): Readonly<Record<string, Members>> => {
  const { stdinIsTerminal, stdoutIsTerminal } = scope.world.start
  const stdin = new InboundPipe(scope, readStdin(scope))
  const terminalOutput = (): TerminalOutput | undefined => (stdoutIsTerminal ? new TerminalOutput(scope) : undefined)
  return {
    'wasi:cli/stdin': sealInterface({ getStdin: (): InputStream => new InputStream(scope, stdin) }),
    'wasi:cli/stdout': outputInterface(scope, 'stdout', 'getStdout'),
    'wasi:cli/stderr': outputInterface(scope, 'stderr', 'getStderr'),
    'wasi:cli/terminal-input': sealInterface({ TerminalInput }),
    'wasi:cli/terminal-output': sealInterface({ TerminalOutput }),
    'wasi:cli/terminal-stdin': sealInterface({
      getTerminalStdin: (): TerminalInput | undefined => (stdinIsTerminal ? new TerminalInput(scope) : undefined),
    }),
    'wasi:cli/terminal-stdout': sealInterface({ getTerminalStdout: terminalOutput }),
    'wasi:cli/terminal-stderr': sealInterface({ getTerminalStderr: terminalOutput }),
  }
}
