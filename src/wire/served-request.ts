import { flag, listOf, oneOf, pairOf, record, text, type Shaped } from './shape.ts'

/** The input of an `http-handler` call: what a guest is told of the request before it reads its body. Header values are latin-1 text: one character, one byte. */
export const servedRequestHead = record({
  method: text(64),
  scheme: oneOf('http', 'https'),
  authority: text(1024),
  pathWithQuery: text(16_384),
  headers: listOf(pairOf(text(256), text(16_384)), 256),
  hasBody: flag,
})

export type ServedRequestHead = Shaped<typeof servedRequestHead>
