/**
 * Text from a guest made safe to show: C0 and C1 controls (but tab and line feed), DEL, bidirectional overrides and
 * isolates, zero-width and line-separator characters become visible escapes, so that no agent can repaint an
 * operator's terminal, forge a line or reverse what is read (attacks F2).
 */
export const printable = (text: string): string =>
  text.toWellFormed().replaceAll(hostile, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)

/* oxlint-disable no-control-regex -- the class lists the very characters that must not be shown */
const hostile =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu

/** {@link printable} on one line: line feeds and tabs are escaped too. */
export const printableLine = (text: string): string => printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
