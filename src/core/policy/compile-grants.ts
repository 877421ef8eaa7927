import { compileConnections, compileFs, compileNet, compileStore } from './compile-rules.ts'
import { fieldError, gotText, originOf, take, type DocumentSource } from './document.ts'
import { didYouMean } from './did-you-mean.ts'
import type { DocumentPlace, EnvGrant, FieldPath, GrantSet } from './grants.ts'
import { checkMountFolder } from './mounts.ts'
import { neutralise } from './neutralise.ts'
import { parsed, refused, type Parsed } from './parsed.ts'
import { absoluteHostPath } from './path.ts'
import type { RawGrants } from './rule-schema.ts'
import type { ConfigRule, FsRule, NetRule, SecretRule } from './rules.ts'

/** A document, the place it was found and the field that is looked at. */
export interface GrantField {
  readonly source: DocumentSource
  readonly place: DocumentPlace
  readonly path: FieldPath
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Reads `env://NAME`. */
const hostVariable = (text: string): string | undefined => {
  const name = text.startsWith('env://') ? text.slice('env://'.length) : ''
  return variableName.test(name) ? name : undefined
}

/**
 * Brings the source of a secret into the form `env://NAME` or `file:///absolute/path`. What came is never shown: people paste the
 * secret itself.
 */
export const readSecretSource = (text: string, place: DocumentPlace): Parsed<string> => {
  if (hostVariable(text) !== undefined) return parsed(text)
  const path = text.startsWith('file://') && !text.includes('\0') ? text.slice('file://'.length) : ''
  return path === ''
    ? refused('`env://NAME` or `file:///path`', 'put the secret into a variable or a file and name that')
    : parsed(`file://${absoluteHostPath(place.folder, path)}`)
}

/** Headers that carry the request itself: a secret there would change what the request is, or where it goes. */
const structuralHeaders = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const checkHeader = (header: string): Parsed<string> => {
  const name = header.toLowerCase()
  return /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !structuralHeaders.has(name)
    ? parsed(name)
    : refused('the name of a header that may carry a secret', 'write it as `authorization` or `x-api-key`')
}

const checkFormat = (format: string): Parsed<string> =>
  /^[ -~]*$/.test(format) && format.split('{secret}').length === 2
    ? parsed(format)
    : refused('printable text with `{secret}` in it once', 'write it as `Bearer {secret}`')

/** An error about a field whose content must not be shown. */
const hiddenError = ({ source, path }: GrantField, { expected, hint }: { readonly expected: string; readonly hint: string }) =>
  fieldError(source, path, { expected, got: 'text that is not shown here', hint })

const compileSecrets = (raw: NonNullable<RawGrants['secrets']>, { source, place, path }: GrantField): readonly SecretRule[] =>
  Object.entries(raw).map(([name, { from, inject }]) => {
    const at = [...path, name]
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
      throw fieldError(source, path, {
        expected: 'names of letters, digits, `.`, `_` and `-`',
        got: gotText(name),
        hint: 'rename the secret',
      })
    }
    const read = readSecretSource(from, place)
    if (!read.ok) throw hiddenError({ source, place, path: [...at, 'from'] }, read)
    return {
      kind: 'secret',
      origin: originOf(source, at),
      name,
      source: read.value,
      inject: inject && {
        header: take(source, [...at, 'inject', 'header'], { from: inject.header, result: checkHeader(inject.header) }),
        format: take(source, [...at, 'inject', 'format'], { from: inject.format, result: checkFormat(inject.format) }),
      },
    }
  })

type RawEnv = NonNullable<RawGrants['env']>[number]

const envText = 'write `NAME`, `NAME=value`, or `{ name: NAME, from: "env://HOST_NAME" }`'

const splitVariable = (text: string): Parsed<{ readonly name: string; readonly value?: string; readonly from?: string }> => {
  const cut = text.indexOf('=')
  const name = cut < 0 ? text : text.slice(0, cut)
  if (name === '*') return refused('variables by name', '`*` would hand over the whole environment: name the variables')
  if (!variableName.test(name)) return refused('`NAME` or `NAME=value`', envText)
  return parsed(cut < 0 ? { name } : { name, value: text.slice(cut + 1) })
}

/** Compiles one grant of a variable: a value, the host's own variable of that name, or another of the host's. */
export const compileEnv = (raw: RawEnv, field: GrantField): EnvGrant => {
  const read = typeof raw === 'string' ? splitVariable(raw) : parsed(raw)
  if (!read.ok) throw hiddenError(field, read)
  const { name, value, from } = read.value
  const fromHost = from === undefined ? undefined : hostVariable(from)
  if ((from !== undefined && fromHost === undefined) || (typeof raw !== 'string' && (value === undefined) === (from === undefined))) {
    throw hiddenError(field, { expected: 'either `value` or `from: "env://NAME"`', hint: envText })
  }
  if (value?.includes('\0') === true) throw hiddenError(field, { expected: 'a value without null characters', hint: 'remove them' })
  return {
    kind: 'env',
    origin: originOf(field.source, field.path),
    name,
    value,
    fromHost: value === undefined ? (fromHost ?? name) : undefined,
    mustExist: fromHost !== undefined,
  }
}

type RawMount = NonNullable<RawGrants['mounts']>[number]

/** Compiles one mount; its host folder becomes absolute but is not looked at yet. */
export const compileMount = (raw: RawMount, { source, place, path }: GrantField): FsRule => {
  const { host, kind: mountKind = 'live' } = raw
  if (mountKind === 'memory') {
    const noHost =
      host === undefined ? parsed(undefined) : refused('no `host` for what is in memory', 'remove `host`, or mount a `copy` of it')
    return compileFs(raw, source, path, { hostPath: take(source, [...path, 'host'], { from: host, result: noHost }), mountKind })
  }
  const absolute = host === undefined || host.includes('\0') ? '\0' : absoluteHostPath(place.folder, host)
  const result =
    host === undefined ? refused('a host folder', 'name the folder to mount, or write `kind: memory`') : checkMountFolder(absolute)
  return compileFs(raw, source, path, { hostPath: take(source, [...path, 'host'], { from: host, result }), mountKind })
}

/** Compiles one configuration value. */
export const compileConfig = (name: string, value: string, { source, path }: GrantField): ConfigRule => {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    const hint = 'rename the value'
    throw fieldError(source, path, { expected: 'names of letters, digits, `.`, `_` and `-`', got: gotText(name), hint })
  }
  return { kind: 'config', origin: originOf(source, [...path, name]), name, value }
}

/** A secret that is sent must be one of this entry, and must say where it goes. */
const checkBoundSecrets = (net: readonly NetRule[], secrets: readonly SecretRule[], { source, path }: GrantField): void => {
  for (const [index, { secret }] of net.entries()) {
    const bound = secrets.find(({ name }) => name === secret)
    if (secret !== undefined && bound?.inject === undefined) {
      const names = secrets.map(({ name }) => name)
      const near = didYouMean(secret, names)
      const guess = near === undefined ? `add \`${neutralise(secret)}\` to \`secrets\`` : `did you mean \`${neutralise(near)}\`?`
      throw fieldError(source, [...path, 'net', index, 'secret'], {
        expected: bound === undefined ? 'one of `secrets` beside it' : 'a secret with `inject`',
        got: gotText(secret),
        hint: bound === undefined ? guess : 'add `inject: { header: authorization, format: "Bearer {secret}" }` to the secret',
      })
    }
  }
}

/** Compiles what one entry grants. Throws CordonError with the source's code. */
export const compileGrants = (raw: RawGrants, field: GrantField): GrantSet => {
  const { source, path } = field
  const at = (kind: string, index: number): GrantField => ({ ...field, path: [...path, kind, index] })
  const net = (raw.net ?? []).map((item, index) => compileNet(item, source, [...path, 'net', index], 'grant'))
  const secrets = compileSecrets(raw.secrets ?? {}, { ...field, path: [...path, 'secrets'] })
  checkBoundSecrets(net, secrets, field)
  return {
    net,
    fs: (raw.mounts ?? []).map((item, index) => compileMount(item, at('mounts', index))),
    secrets,
    env: (raw.env ?? []).map((item, index) => compileEnv(item, at('env', index))),
    tools: (raw.tools ?? []).map((item, index) => ({
      kind: 'tool',
      origin: originOf(source, [...path, 'tools', index]),
      name: typeof item === 'string' ? item : item.name,
    })),
    ...compileConnections(raw, { source, path, use: 'grant' }),
    keyvalue: (raw.keyvalue ?? []).map((item, index) => compileStore(item, source, [...path, 'keyvalue', index])),
    config: Object.entries(raw.config ?? {}).map(([name, value]) => compileConfig(name, value, { ...field, path: [...path, 'config'] })),
  }
}
