/**
 * The `err` of a WIT `result`, thrown: jco's glue lowers the own property `payload` to the guest. Any other error that an
 * adapter throws ends the instance.
 */
export class WitError extends Error {
  readonly payload: unknown

  constructor(payload?: unknown) {
    super('the host function returned its declared error')
    this.name = 'WitError'
    this.payload = payload
  }
}
