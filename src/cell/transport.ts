import type { FromCell, ToCell } from '#wire/messages.ts'

/** The one way in and out of a cell: a pipe, or a port to another thread. Messages keep their order. */
export interface CellTransport {
  /** Resolves when the host may be sent more (backpressure); does nothing once closed. */
  send(message: FromCell): Promise<void>
  /** Sets who hears the host's messages, in order. */
  onMessage(callback: (message: ToCell) => void): void
  close(): void
}
