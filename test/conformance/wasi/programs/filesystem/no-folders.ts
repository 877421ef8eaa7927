import { getDirectories } from 'wasi:filesystem/preopens@0.2.12'

export const run = (): number => getDirectories().length
