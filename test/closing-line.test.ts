import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname

test('a run ends with one plain line of its counts', async () => {
  const config = join(root, 'test/fixtures/closing-line/vitest.config.ts')
  const { exitCode, stdout } = await new Promise<{ exitCode: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', config], { cwd: root }, (error, out) =>
      resolve({ exitCode: error?.code ?? 0, stdout: out }),
    )
  })
  expect(exitCode).toBe(1)
  expect(stdout.split('\n').slice(-2)).toEqual(['1 passed, 1 failed, 1 skipped', ''])
  expect(stdout.match(/\d+ passed, \d+ failed, \d+ skipped/g)).toHaveLength(1)
})
