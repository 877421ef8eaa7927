import { makeComponent } from './make-component.ts'
import { serveRequest } from './serve-request.ts'
import { loadSignatures } from './signatures.ts'

/**
 * The throw-away process that ingests a component of WASI 0.2. It is started under the permission model with its own code readable and
 * nothing else; once that is loaded it gives even that up.
 */
const signatures = await loadSignatures()
serveRequest((component, profile) => makeComponent(component, profile, signatures))
