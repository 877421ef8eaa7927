import type { Logger } from 'pino'
import { decide } from '#core/policy/decide.ts'
import type { EffectivePolicy, FsRule } from '#core/policy/rules.ts'
import type { Broker } from '#host/broker/broker.ts'
import type { ProviderSession } from '#host/broker/provider.ts'
import { resolveSecretSource } from '#host/config/resolve-secret.ts'
import { createConfigProvider } from '#host/providers/config/config-provider.ts'
import { createFsProvider } from '#host/providers/fs/fs-provider.ts'
import { resolverFor } from '#host/providers/host-addresses.ts'
import { createHttpProvider } from '#host/providers/http/http-provider.ts'
import type { KeyValueStores } from '#host/providers/keyvalue/key-value-stores.ts'
import { createKeyValueProvider } from '#host/providers/keyvalue/keyvalue-provider.ts'
import { createLoggingProvider, type GuestLogSink } from '#host/providers/logging/logging-provider.ts'
import { createSecretVault } from '#host/providers/secrets/secret-vault.ts'
import { createSecretsProvider } from '#host/providers/secrets/secrets-provider.ts'
import type { IncomingExchanges } from '#host/providers/serve/incoming-exchange.ts'
import { createServeProvider } from '#host/providers/serve/serve-provider.ts'
import { createSocketProviders } from '#host/providers/sockets/socket-providers.ts'
import { createStdinProvider } from '#host/providers/stdio/stdin-provider.ts'
import type { Tool } from '#host/providers/tools/tool.ts'
import { createToolsProvider } from '#host/providers/tools/tools-provider.ts'
import { alsoInOperationalLog } from '#host/session/guest-log.ts'
import type { SessionStart } from '#wire/messages.ts'

/** What a session is equipped from. */
export interface Equipment {
  readonly policy: EffectivePolicy
  readonly tools: ReadonlyMap<string, Tool>
  readonly stdin: AsyncIterable<Uint8Array> | Uint8Array | undefined
  /** The requests that it serves, if it does. */
  readonly exchanges: IncomingExchanges | undefined
  readonly stores: KeyValueStores
  /** Whose stores: see `store-namespace.ts`. */
  readonly namespace: string
  /** Host folder for private copies of mounts. */
  readonly copyFolder: string
  /** The operational log. */
  readonly log: Logger
}

const below = (path: string, folder: string): boolean => folder === '/' || path === folder || path.startsWith(`${folder}/`)

/** Whether anything the bundle asks for could lie in the mount: others stay out of the guest's sight. */
const isRequested = (mount: FsRule, requests: readonly FsRule[]): boolean =>
  requests.some(({ guestPath }) => below(guestPath, mount.guestPath) || below(mount.guestPath, guestPath))

/** The settings that the bundle asks for and the operator grants. */
const grantedSettings = (policy: EffectivePolicy): readonly string[] =>
  policy.grants.config.map(({ name }) => name).filter((name) => decide(policy, { action: 'config:read', name }).effect === 'allow')

/**
 * Makes the providers of a session. Secrets are looked up before the guest starts, so that a missing one stops the run with
 * `secret.unavailable` and is not found out half way.
 */
export const equipment =
  ({ policy, tools, stdin, exchanges, stores, namespace, log, copyFolder }: Equipment) =>
  async (broker: Broker, session: ProviderSession, logged: GuestLogSink): Promise<SessionStart['preopens']> => {
    const { grants, requests, denies } = policy
    const secrets = grants.secrets.filter(({ name }) => decide(policy, { action: 'secret:use', name }).effect === 'allow')
    for (const { source } of secrets) if (source !== undefined) await resolveSecretSource(source)
    const vault = createSecretVault(session, secrets, resolveSecretSource)
    const mounts = grants.fs.filter((mount) => isRequested(mount, requests.fs))
    const files = await createFsProvider(session, mounts, {
      pinned: denies.fs.map(({ guestPath }) => guestPath),
      requested: requests.fs.filter(({ mode }) => mode === 'rw').map(({ guestPath }) => guestPath),
      copyFolder,
    })
    const toolNames = grants.tools
      .map(({ name }) => name)
      .filter((name) => decide(policy, { action: 'tool:call', name }).effect === 'allow')
    broker.use(files.provider)
    const resolve = resolverFor(policy.agent)
    broker.use(createHttpProvider(session, { secrets: vault, denies: denies.net, resolve }))
    broker.use(createSecretsProvider(session, vault))
    broker.use(createToolsProvider(session, tools, toolNames))
    broker.use(createStdinProvider(session, stdin))
    for (const provider of createSocketProviders(session, { policy, resolve })) broker.use(provider)
    if (exchanges !== undefined) broker.use(createServeProvider(session, exchanges))
    broker.use(createKeyValueProvider(session, { stores, namespace }))
    broker.use(createConfigProvider(grantedSettings(policy)))
    const guestLog = log.child({ guest: true, agent: policy.agent, session: session.id })
    broker.use(createLoggingProvider(session, alsoInOperationalLog(logged, guestLog)))
    return files.preopens.map(({ guestPath, writable, open }) => ({ handle: broker.adopt(open), guestPath, writable }))
  }
