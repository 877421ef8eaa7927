import process from 'node:process'
import { lockDown } from '#cell/lock-down.ts'
import { serve } from '#cell/main.ts'
import { closeInherited, createPipeTransport } from '#cell/pipe.ts'
import { JcoLinker } from './jco.ts'

/** The program of a child process cell for artifacts with glue; `host/launch` starts it by address. All its code is loaded by now. */
closeInherited(process.argv.slice(2))
const transport = createPipeTransport()
lockDown()
await Promise.race([serve(transport, { linker: new JcoLinker() }), transport.closed])
transport.close()
await transport.closed
process.exit(0)
