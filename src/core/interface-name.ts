/** An interface name with its version as a component writes it, e.g. `wasi:io/streams@0.2.12` or `cordon:agent/secrets@0.1.0`. */
export type WasiVersionedName = string

/** `namespace:package/interface[@version]`, taken apart. */
export interface InterfaceName {
  /** `namespace:package/interface` */
  readonly id: string
  readonly version: string | undefined
}

/** Takes an interface name apart; `undefined` when it is not one. */
export const parseInterfaceName = (text: string): InterfaceName | undefined => {
  const match = /^([a-z][a-z0-9-]*:[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*)(?:@([0-9a-z.+-]+))?$/.exec(text)
  return match?.[1] === undefined ? undefined : { id: match[1], version: match[2] }
}
