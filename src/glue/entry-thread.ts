import type { MessagePort } from 'node:worker_threads'
import { lockDown } from '#cell/lock-down.ts'
import { serve } from '#cell/main.ts'
import { createPortTransport } from '#cell/port.ts'
import { JcoLinker } from './jco.ts'

/** The one task of a worker thread cell for artifacts with glue, which lasts as long as the cell; `host/launch` starts it by address. */
export const runCell = async (port: MessagePort): Promise<void> => {
  const transport = createPortTransport(port)
  lockDown()
  await Promise.race([serve(transport, { linker: new JcoLinker() }), transport.closed])
  transport.close()
}
