import process from 'node:process'
import { ComponentLinker } from './link/component-linker.ts'
import { lockDown } from './lock-down.ts'
import { serve } from './main.ts'
import { closeInherited, createPipeTransport } from './pipe.ts'

/** The program of a child process cell; `host/launch` starts it by address. All its code is loaded by now. */
closeInherited(process.argv.slice(2))
const transport = createPipeTransport()
lockDown()
await Promise.race([serve(transport, { linker: new ComponentLinker() }), transport.closed])
transport.close()
await transport.closed
process.exit(0)
