/**
 * What terminals and log readers obey or hide: controls, line and paragraph separators, bidirectional marks and
 * overrides, zero-width and other invisible characters, lone surrogates, unassigned and private-use code points.
 */
const dangerous = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u{115f}\u{1160}\u{3164}\u{ffa0}\p{Variation_Selector}]/gu

/**
 * Makes text from outside safe to show: dangerous characters become `\u{hex}`, and what is longer than `maxLength` code points
 * is cut and ends in `…`.
 */
export const neutralise = (text: string, maxLength = 200): string => {
  // Cut first: the text may be huge.
  const cut = text.slice(0, maxLength * 2)
  const points = Array.from(cut)
  const kept = points.length > maxLength || cut.length < text.length ? `${points.slice(0, maxLength).join('')}…` : cut
  return kept.replace(dangerous, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** Text from outside in backticks, safe to show inside a message. */
export const quoted = (text: string, maxLength = 80): string => `\`${neutralise(text, maxLength).replaceAll('`', "'")}\``
