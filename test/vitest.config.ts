import { defineConfig } from 'vitest/config'
import { weakenPlugin } from './attacks/weakened/weaken-plugin.ts'
import { ClosingLineReporter } from './closing-line-reporter.ts'

/** How every run is told: as usual, and in one last line for scripts. */
export const reporters = ['default', new ClosingLineReporter()]

/** Suites that start processes, build guests or reach a server; `test:unit` leaves them out. */
const slow = [
  'test/host/**',
  'test/cell/**',
  'test/cli/**',
  'test/attacks/**',
  'test/differential/**',
  'test/conformance/wasi/**',
  'test/fuzz/**',
  'test/package/**',
  'test/readme.test.ts',
  'test/violations.test.ts',
  'test/closing-line.test.ts',
]

/** Nothing is tried twice: a test that passes only sometimes is a finding. The time allowed is for a noisy machine with two cores. */
const shared = {
  pool: 'forks' as const,
  execArgv: ['--conditions=source', '--disable-sigusr1'],
  retry: 0,
  setupFiles: ['test/fixed-seed.ts'],
}

const root = new URL('..', import.meta.url).pathname

export default defineConfig({
  root,
  plugins: [weakenPlugin(root)],
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import'] } },
  test: {
    fsModuleCache: true,
    maxWorkers: 2,
    reporters,
    projects: [
      {
        extends: true,
        test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: slow, testTimeout: 60_000, hookTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'suites',
          include: slow.map((each) => (each.endsWith('**') ? `${each}/*.test.ts` : each)),
          // An engine that has to be built first takes up to a minute there.
          testTimeout: 180_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
})
