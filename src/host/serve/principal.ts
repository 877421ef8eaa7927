import { createHash } from 'node:crypto'
import { CordonError } from '#core/errors.ts'
import { isConnectionField, isToken } from './field-rules.ts'
import { fieldOf, type RawRequest } from './request-head.ts'

/**
 * By what a server tells apart on whose behalf requests come. `header`: the value of a field, which a proxy in front has to set and to take out of what clients send. `connection`: who
 * opened the connection. `request`: nobody is the same twice, down to the cell. `none`: it is not told apart; instances are fresh all the same, but cells are shared.
 */
export type PrincipalRule =
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'connection' }
  | { readonly kind: 'request' }
  | { readonly kind: 'none' }

const maxPrincipalLength = 1024

/** Reads `header:NAME`, `connection`, `request` or `none`. Throws CordonError `input.invalid`. */
export const parsePrincipal = (text: string): PrincipalRule => {
  if (text === 'connection' || text === 'request' || text === 'none') return { kind: text }
  const [kind, name = ''] = text.split(/:(.*)/s)
  const lower = name.toLowerCase()
  if (kind === 'header' && isToken(name) && !isConnectionField(lower) && lower !== 'host') return { kind, name: lower }
  throw new CordonError(
    'input.invalid',
    `expected a principal of \`header:NAME\`, \`connection\`, \`request\` or \`none\`, got \`${text}\``,
    {
      hint: 'for instance: --principal header:x-user',
    },
  )
}

/** Whether two requests can be known to come on behalf of the same party: only then may they share an instance. */
export const tellsApart = ({ kind }: PrincipalRule): boolean => kind === 'header' || kind === 'connection'

/** Where a request came from, numbered by the server. */
interface Origin {
  readonly connection: number
  readonly request: number
}

/**
 * The segment of a request: two principals never share one. `undefined` when the request does not say who it is for, or says it twice. Of a header
 * only the digest shows, since it may be a token.
 */
export const segmentOf = (rule: PrincipalRule, base: string, raw: RawRequest, origin: Origin): string | undefined => {
  switch (rule.kind) {
    case 'none':
      return base
    case 'connection':
      return `${base}/connection=${origin.connection}`
    case 'request':
      return `${base}/request=${origin.request}`
    case 'header': {
      const value = fieldOf(raw, rule.name)
      if (value === undefined || value === '' || value.length > maxPrincipalLength) return undefined
      return `${base}/${rule.name}=sha256:${createHash('sha256').update(value, 'latin1').digest('hex')}`
    }
  }
}
