import { defineConfig } from 'vitest/config'

/** Suites that start processes, build guests or reach a server; `test:unit` leaves them out. */
const slow = ['test/host/**', 'test/cell/**', 'test/cli/**', 'test/attacks/**', 'test/package/**', 'test/readme.test.ts']

const shared = {
  pool: 'forks' as const,
  execArgv: ['--conditions=source', '--disable-sigusr1'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
}

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import'] } },
  test: {
    maxWorkers: 2,
    projects: [
      { extends: true, test: { ...shared, name: 'unit', include: ['test/**/*.test.ts'], exclude: slow } },
      { extends: true, test: { ...shared, name: 'suites', include: slow.map((s) => (s.endsWith('**') ? `${s}/*.test.ts` : s)) } },
    ],
  },
})
