import type { Provider, ProviderSession } from '#host/broker/provider.ts'
import type { Tool } from './tool.ts'

/** Bounds of one tool call. */
export interface ToolsOptions {
  /** Most bytes of JSON input; default 256 KiB. */
  readonly maxInputBytes?: number
  /** Most bytes of JSON output; default 256 KiB. */
  readonly maxOutputBytes?: number
}

/** Performs `tool.list` and `tool.call` on the embedder's tools; only `grantedNames` are listed. */
export const createToolsProvider = (
  _session: ProviderSession,
  _tools: ReadonlyMap<string, Tool>,
  _grantedNames: readonly string[],
  _options: ToolsOptions = {},
): Provider => {
  throw new TypeError('not built yet')
}
