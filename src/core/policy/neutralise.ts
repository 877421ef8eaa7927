import { printableLine } from '#core/printable.ts'

/**
 * Makes text from outside safe to show: dangerous characters become `\u{hex}`, and what is longer than `maxLength` code points
 * is cut and ends in `…`.
 */
export const neutralise = (text: string, maxLength = 200): string => {
  // Cut first: the text may be huge.
  const cut = text.slice(0, maxLength * 2)
  const points = Array.from(cut)
  const kept = points.length > maxLength || cut.length < text.length ? `${points.slice(0, maxLength).join('')}…` : cut
  return printableLine(kept)
}

/** Text from outside in backticks, safe to show inside a message. */
export const quoted = (text: string, maxLength = 80): string => `\`${neutralise(text, maxLength).replaceAll('`', "'")}\``
