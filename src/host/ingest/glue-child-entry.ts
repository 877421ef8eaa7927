import { loadToolset } from './bindgen.ts'
import { makeGlue } from './make-glue.ts'
import { serveRequest } from './serve-request.ts'

/**
 * The throw-away process that ingests a component past WASI 0.2 with jco's transpiler, which takes longer to load than all else of ingest: a
 * program of its own, held like the other one.
 */
const tools = await loadToolset()
serveRequest((component, profile) => makeGlue(component, profile, tools))
