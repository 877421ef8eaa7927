/**
 * What terminals and log readers obey or hide: controls, line and paragraph separators, bidirectional marks and
 * overrides, zero-width and other invisible characters, lone surrogates, unassigned and private-use code points.
 */
const dangerous = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u{115f}\u{1160}\u{3164}\u{ffa0}\p{Variation_Selector}]/gu

const hexOf = (character: string): string => (character.codePointAt(0) ?? 0).toString(16)

/** Text from outside on one line: no agent can repaint an operator's terminal with it, forge a line or reverse what is read. Each dangerous character becomes `\u{hex}`. */
export const printableLine = (text: string): string => text.replace(dangerous, (character) => `\\u{${hexOf(character)}}`)

/** {@link printableLine} for text of several lines: line feeds and tabs stay. */
export const printable = (text: string): string =>
  text.replace(dangerous, (character) => (character === '\n' || character === '\t' ? character : `\\u{${hexOf(character)}}`))

/** JSON of a value that is safe to show as well: what JSON leaves as it is becomes its escapes, which mean the same to a parser. */
export const printableJson = (value: unknown, indent?: number): string =>
  (JSON.stringify(value, undefined, indent) ?? 'null').replace(dangerous, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
