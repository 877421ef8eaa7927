import { HeldResource } from '#cell/adapters/held-resource.ts'
import { perScope } from '#cell/adapters/per-scope.ts'
import { sealClass, sealInterface, type Members } from '#cell/adapters/sealed.ts'
import type { SessionScope } from '#cell/adapters/session-scope.ts'
import type { SessionSlot } from '#cell/adapters/session-slot.ts'
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

const outputPipe = (scope: SessionScope, stream: 'stdout' | 'stderr'): OutboundPipe =>
  new OutboundPipe(scope, { ordered: true, write: (bytes) => scope.world.output(stream, bytes) })

const stdinOf = perScope((scope) => new InboundPipe(scope, readStdin(scope)))
const stdoutOf = perScope((scope) => outputPipe(scope, 'stdout'))
const stderrOf = perScope((scope) => outputPipe(scope, 'stderr'))

const streamOver = (slot: SessionSlot, pipeOf: (scope: SessionScope) => OutboundPipe) => (): OutputStream => {
  const { scope } = slot
  return new OutputStream(scope, pipeOf(scope))
}

/** Standard input, output and error of `wasi:cli`, and what says whether they are terminals. All streams of one kind share one pipe. */
export const stdioInterfaces = (slot: SessionSlot): Readonly<Record<string, Members>> => {
  const getStdin = (): InputStream => {
    const { scope } = slot
    return new InputStream(scope, stdinOf(scope))
  }
  const terminalInput = (): TerminalInput | undefined => {
    const { scope } = slot
    return scope.world.start.stdinIsTerminal ? new TerminalInput(scope) : undefined
  }
  const terminalOutput = (which: 'stdoutIsTerminal' | 'stderrIsTerminal') => (): TerminalOutput | undefined => {
    const { scope } = slot
    return scope.world.start[which] ? new TerminalOutput(scope) : undefined
  }
  return {
    'wasi:cli/stdin': sealInterface({ getStdin }),
    'wasi:cli/stdout': sealInterface({ getStdout: streamOver(slot, stdoutOf) }),
    'wasi:cli/stderr': sealInterface({ getStderr: streamOver(slot, stderrOf) }),
    'wasi:cli/terminal-input': sealInterface({ TerminalInput }),
    'wasi:cli/terminal-output': sealInterface({ TerminalOutput }),
    'wasi:cli/terminal-stdin': sealInterface({ getTerminalStdin: terminalInput }),
    'wasi:cli/terminal-stdout': sealInterface({ getTerminalStdout: terminalOutput('stdoutIsTerminal') }),
    'wasi:cli/terminal-stderr': sealInterface({ getTerminalStderr: terminalOutput('stderrIsTerminal') }),
  }
}
