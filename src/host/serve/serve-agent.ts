import type { ExportedFunction } from '#core/artifact.ts'
import type { EffectivePolicy } from '#core/policy/rules.ts'
import type { AuditSink } from '#host/broker/audit-sink.ts'
import type { IncomingExchanges } from '#host/providers/serve/incoming-exchange.ts'
import { handlerOf } from '#host/session/guest-call.ts'
import { Invocations } from '#host/session/invocations.ts'
import type { Session, SessionOptions } from '#host/session/session.ts'
import { AgentServer } from './agent-server.ts'
import { parsePrincipal } from './principal.ts'
import { serveLimitsOf } from './serve-limits.ts'
import { checkReuse, parseListen, type ServedOutput, type ServeOptions } from './serve-options.ts'
import type { SessionStarter } from './served-session.ts'

/** A session that a server needs. */
export interface ServedStart {
  readonly segment: string
  readonly exchanges: IncomingExchanges
  readonly guest: Omit<SessionOptions['guest'], 'args'>
  readonly driver: SessionOptions['driver']
}

interface Served {
  readonly exports: readonly ExportedFunction[]
  readonly policy: EffectivePolicy
  readonly audit: AuditSink
  /** Begins a session of the agent. Throws CordonError. */
  readonly begin: (start: ServedStart) => Session
  /** Whether sessions wait for a place. */
  readonly crowded: () => boolean
  readonly now: () => number
}

/** Hands on what a guest prints. What nobody asks for is kept for nobody: the session bounds it. */
const passOutput = async (session: Session, output: (output: ServedOutput) => void): Promise<void> => {
  for await (const event of session) if (event.type === 'output') output({ session: session.id, stream: event.stream, bytes: event.bytes })
}

const starterOf = ({ exports, policy, audit, begin, crowded, now }: Served, output: ServeOptions['output']): SessionStarter => {
  const { call } = handlerOf(exports)
  const started = (session: Session): Session => {
    if (output !== undefined) void passOutput(session, output)
    return session
  }
  return {
    call,
    crowded,
    begin: ({ segment, input, exchanges }) => started(begin({ segment, exchanges, guest: { call, input }, driver: undefined })),
    open: ({ segment, exchanges }) => {
      const invocations = new Invocations({ agent: policy.agent, limits: policy.limits, audit, now, timed: 'call' })
      const session = started(begin({ segment, exchanges, guest: { call: null, input: '' }, driver: invocations }))
      return { session, invocations }
    },
  }
}

/**
 * Serves an agent over HTTP. Throws CordonError `component.export-missing` when it does not export `wasi:http/incoming-handler`, `port.in-use`,
 * `input.invalid`.
 */
export const serveAgent = async (served: Served, options: ServeOptions): Promise<AgentServer> =>
  await AgentServer.start({
    starter: starterOf(served, options.output),
    agent: served.policy.agent,
    audit: served.audit,
    limits: serveLimitsOf(options.server ?? {}),
    principal: parsePrincipal(options.principal ?? 'none'),
    reuse: checkReuse(options.reuse ?? 1),
    segment: options.segment ?? 'default',
    hosts: options.hosts,
    listen: parseListen(options.listen ?? '127.0.0.1:8080'),
    now: served.now,
  })
