/** The names of the files in an audit folder. */
export const recordsFile = 'records.jsonl'
export const headFile = 'head'
export const lockFile = 'lock'
export const reserveFile = 'reserve'
