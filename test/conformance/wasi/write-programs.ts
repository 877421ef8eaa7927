import process, { argv, stdout } from 'node:process'
import { resolve } from 'node:path'
import { buildPrograms } from './build-programs.ts'

// Builds our own programs into a folder, for this harness or another runtime's: node --conditions=source … <folder> [filter]
const [, , target, filter] = argv
if (target === undefined) {
  stdout.write('usage: node --conditions=source test/conformance/wasi/write-programs.ts <folder> [filter]\n')
  process.exitCode = 2
} else {
  await buildPrograms(resolve(target), filter)
}
