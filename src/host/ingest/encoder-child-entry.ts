import { loadEncoderTools } from './encoder.ts'
import { makeEncoded } from './make-encoded.ts'
import { serveRequest } from './serve-request.ts'

/** The throw-away process that makes a component of a core module that carries its world, and ingests it: held like the others. */
const tools = await loadEncoderTools()
serveRequest((module, profile) => makeEncoded(module, profile, tools))
