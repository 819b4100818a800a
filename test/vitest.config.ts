import { defineConfig } from 'vitest/config';
import LongestFirst from './support/longest-first.ts';

const SETUP = ['property-seed.ts'];

interface Ways {
  readonly setup?: readonly string[];
  /** False: the files of a worker share the modules that they load, which is most of the time of small ones. None may replace a module, or leave something replaced. */
  readonly isolate?: boolean;
}

/** One project per kind of proof, so that a person can run only the fast ones: `npx vitest --config test/vitest.config.ts --project unit`. */
const project = (name: string, testTimeout: number, { setup = SETUP, isolate = true }: Ways = {}) => ({
  test: {
    name,
    isolate,
    root: new URL('..', import.meta.url).pathname,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    setupFiles: setup.map((file) => new URL(`support/${file}`, import.meta.url).pathname),
  },
});

export default defineConfig({
  test: {
    globalSetup: [new URL('support/aws-global-setup.ts', import.meta.url).pathname],
    // Integration and end-to-end tests wait for other processes most of the time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 60_000, { isolate: false }),
      project('contract', 60_000),
      project('architecture', 60_000),
      project('simulation', 300_000),
      project('integration', 120_000, { setup: [...SETUP, 'node-local-disk.ts'] }),
      project('e2e', 300_000, { setup: [...SETUP, 'node-local-disk.ts'] }),
    ],
  },
});
