import { defineConfig } from 'vitest/config';
import { throwawayHosts } from './test/helpers/host-pool.ts';

export default defineConfig({
  test: {
    // Of the processor: vitest itself does little once the tests run.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 60_000,
          // Every module is loaded once, not once for each of the 86 files: 14 s in place of 65 on two cores.
          pool: 'threads',
          isolate: false,
        },
      },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          pool: throwawayHosts,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          pool: throwawayHosts,
        },
      },
    ],
  },
});
