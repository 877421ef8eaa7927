/** Run by `npm run build:interpreter`: puts the interpreter where the published package carries it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { buildInterpreter, vendoredInterpreter } from './interpreter.ts'

const scratch = await mkdtemp(join(tmpdir(), 'cordon-interpreter-'))
try {
  const component = await buildInterpreter(scratch)
  await mkdir(dirname(vendoredInterpreter), { recursive: true })
  await writeFile(vendoredInterpreter, component)
} finally {
  await rm(scratch, { recursive: true })
}
