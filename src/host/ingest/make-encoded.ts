import { CordonError } from '#core/errors.ts'
import { validateCore } from '#core/wasm/validate-core.ts'
import { defaultWasmLimits } from '#core/wasm/wasm-limits.ts'
import type { ComponentContents } from './artifact-codec.ts'
import type { Encoder, EncoderTools } from './encoder.ts'
import { naming } from './ingest-error.ts'
import { makeComponent } from './make-component.ts'
import type { LimitsProfile } from './profile.ts'
import { checkKind, preview1Module, readProgram } from './program.ts'
import { BeyondWasi02 } from './rewrite-component.ts'

/** What the encoder says of a module that it cannot encode; a panic says so on its standard error. */
const complaintOf = (error: unknown, encoder: Encoder): string => {
  const payload: unknown = typeof error === 'object' && error !== null && 'payload' in error ? error.payload : undefined
  const said = typeof payload === 'string' ? payload : encoder.diagnostics()
  const text = said === '' ? 'no reason given' : said
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 350)
}

/**
 * Ingest of a core module that carries its world, on bytes: validate, encode as a component with the adapter of its kind, and go on with that as with any component. Runs in a
 * child of its own only, since the encoder works on hostile bytes. Throws CordonError as {@link makeComponent} does.
 */
export const makeEncoded = (module: Uint8Array, profile: LimitsProfile, tools: EncoderTools): ComponentContents => {
  const kind = checkKind(readProgram(module))
  // The encoder understands code and names as any tool does: it sees none that this host would refuse anyway.
  naming('the program', () => validateCore(module, defaultWasmLimits))
  let component: Uint8Array
  try {
    component = tools.encoder.tools.componentNew(module, [[preview1Module, tools.adapters[kind]]])
  } catch (error) {
    const complaint = complaintOf(error, tools.encoder)
    throw new CordonError('component.invalid', `the program does not fit the world that it carries: ${complaint}`, { cause: error })
  }
  try {
    return makeComponent(component, profile, tools.signatures)
  } catch (error) {
    if (!(error instanceof BeyondWasi02)) throw error
    throw new CordonError('component.unsupported', `the program carries a world past WASI 0.2: ${error.message}`, { cause: error })
  }
}
