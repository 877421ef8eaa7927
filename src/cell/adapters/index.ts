import type { Imports } from '#cell/link/linker.ts'
import { secretsInterface } from './cordon/secrets.ts'
import { toolsInterface } from './cordon/tools.ts'
import { sealInterface, type Members } from './sealed.ts'
import type { SessionSlot } from './session-slot.ts'
import { monotonicClock, timezone, wallClock } from './wasi/clocks.ts'
import { configInterface } from './wasi/config.ts'
import { filesystemInterfaces } from './wasi/filesystem.ts'
import { httpInterfaces } from './wasi/http.ts'
import { IoError } from './wasi/io-error.ts'
import { draftKeyvalueInterfaces } from './wasi/keyvalue-draft.ts'
import { keyvalueInterfaces } from './wasi/keyvalue.ts'
import { loggingInterface } from './wasi/logging.ts'
import { Pollable, pollIn } from './wasi/poll.ts'
import { processInterfaces } from './wasi/process.ts'
import { randomInterfaces } from './wasi/random.ts'
import { socketInterfaces } from './wasi/sockets.ts'
import { stdioInterfaces } from './wasi/stdio.ts'
import { InputStream, OutputStream } from './wasi/streams.ts'

const errorInterface = sealInterface({ Error: IoError })
const streamsInterface = sealInterface({ InputStream, OutputStream })

/**
 * All host functions of one instance, which serve whatever session is in `slot`: unversioned interface name (`wasi:io/streams`) → its members in jco's JavaScript
 * convention. Every object is null-prototype and frozen, so that no name reaches anything but what is written here.
 * Which functions give promises is said by `core/async-imports.ts`. An error without `payload` that comes out of one ends the instance:
 * a trap, the end of the session, or the TypeError of a forged handle.
 */
export const buildImports = (slot: SessionSlot): Imports => {
  const interfaces: Readonly<Record<string, Members>> = {
    ...processInterfaces(slot),
    ...stdioInterfaces(slot),
    'wasi:clocks/monotonic-clock': monotonicClock(slot),
    'wasi:clocks/wall-clock': wallClock(slot),
    'wasi:clocks/timezone': timezone(),
    ...randomInterfaces(slot),
    'wasi:io/error': errorInterface,
    'wasi:io/poll': sealInterface({ Pollable, poll: pollIn(slot) }),
    'wasi:io/streams': streamsInterface,
    ...filesystemInterfaces(slot),
    ...httpInterfaces(slot),
    ...socketInterfaces(slot),
    'wasi:config/store': configInterface(slot),
    ...keyvalueInterfaces(slot),
    ...draftKeyvalueInterfaces(slot),
    'wasi:logging/logging': loggingInterface(slot),
    'cordon:agent/secrets': secretsInterface(slot),
    'cordon:agent/tools': toolsInterface(slot),
  }
  return Object.freeze(Object.assign(Object.create(null), interfaces))
}
