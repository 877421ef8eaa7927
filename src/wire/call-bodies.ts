import { maxChunkBytes, maxLogBodyBytes, type CallOp } from './calls.ts'
import { maxFrameBytes } from './messages.ts'
import { maxDatagramBytes } from './socket-calls.ts'

const longest: Partial<Record<CallOp, number>> = {
  'fs.write': maxChunkBytes,
  'http.write': maxChunkBytes,
  'serve.write': maxChunkBytes,
  'tool.call': maxFrameBytes,
  'tcp.write': maxChunkBytes,
  'udp.send': maxDatagramBytes,
  'kv.set': maxChunkBytes,
  'kv.swap': maxChunkBytes,
  'log.write': maxLogBodyBytes,
}

/** The most bytes that a call of the operation carries besides its arguments; 0 where it carries none. */
export const maxBodyBytes = (op: CallOp): number => longest[op] ?? 0
