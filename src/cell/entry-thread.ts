import type { MessagePort } from 'node:worker_threads'
import { ComponentLinker } from './link/component-linker.ts'
import { lockDown } from './lock-down.ts'
import { serve } from './main.ts'
import { createPortTransport } from './port.ts'

/** The one task of a worker thread cell, which lasts as long as the cell; `host/launch` starts it by address. */
export const runCell = async (port: MessagePort): Promise<void> => {
  const transport = createPortTransport(port)
  lockDown()
  await Promise.race([serve(transport, { linker: new ComponentLinker() }), transport.closed])
  transport.close()
}
