/** Proof that a record is in the log: only the log makes one, and only with one can a grant be minted. */
export interface Receipt {
  readonly seq: number
  /** Hex sha256 of the record in the chain. */
  readonly hash: string
  readonly callId: string
}
