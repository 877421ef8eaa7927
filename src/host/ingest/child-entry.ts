import { makeComponent } from './make-component.ts'
import { serveRequest } from './serve-request.ts'
import { loadSignatures } from './signatures.ts'
import { asComponent, loadFrames } from './wrap-program.ts'

/**
 * The throw-away process that ingests a component of WASI 0.2, or a command of preview 1. It is started under the permission model with its own code readable and
 * nothing else; once that is loaded it gives even that up.
 */
const [signatures, frames] = await Promise.all([loadSignatures(), loadFrames()])
serveRequest((bytes, profile) => makeComponent(asComponent(bytes, frames), profile, signatures))
