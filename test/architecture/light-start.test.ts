import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { continueCreation, newJobId, recordRequest } from '../../src/coordinator/create-job.ts';
import { acquireLease } from '../../src/coordinator/lease.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { AWS_TEST_ENV, freshTable, sharedAwsServer } from '../support/aws-resources.ts';
import { compiledProject } from '../support/compiled.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const recorder = new URL('../support/record-modules.mjs', import.meta.url).href;

/** Packages that a process loads, and its own files as `dist/…`. */
async function loadedBy(
  home: string,
  argv: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<{ packages: string[]; own: string[] }> {
  const file = join(home, 'loaded');
  const env = { ...process.env, LOADED_MODULES: file, SLURMCTL_HOME: home, SLURMCTL_SCHEDULER: 'local', ...more };
  await promisify(execFile)(process.execPath, ['--import', recorder, ...argv], { env, cwd: ROOT });
  const urls = [...new Set(readFileSync(file, 'utf8').trim().split('\n'))];
  const packages = urls.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\//.exec(url)?.[1]);
  const own = urls.filter((url) => url.includes('/dist/')).map((url) => url.slice(url.lastIndexOf('/dist/') + 1));
  return { packages: [...new Set(packages.filter((name) => name !== undefined))].toSorted(), own };
}

const slurmctl = async (...argv: string[]): Promise<string[]> => [
  join(await compiledProject(), 'bin/slurmctl.js'),
  ...argv,
];

/** A job of a few tasks, split and stored. */
async function storedJob(home: string): Promise<JobId> {
  const rig = createRig(home);
  const deps = rig.process();
  const job = newJobId(deps, 'light');
  const lease = await acquireLease(deps, { name: 'light', waitMs: 0 });
  await recordRequest(deps, job, rig.wanted, lease.fence);
  await continueCreation(deps, lease, { job });
  await lease.release();
  return job;
}

describe('commands that people type all day start light', () => {
  it.each(['--version', '--help', 'status --help'])('%s loads commander and colours, nothing else', (words) =>
    withTempDir(async (home) => {
      const { packages, own } = await loadedBy(home, await slurmctl(...words.split(' ')));
      expect(packages).toEqual(['commander', 'picocolors']);
      expect(own.filter((path) => /^dist\/(app|backends|coordinator|worker|aggregator)\//.test(path))).toEqual([]);
    }),
  );

  it('status on directories loads no SDK, no engine, no native add-on and no room but the coordinator', () =>
    withTempDir(async (home) => {
      const job = await storedJob(home);
      const { packages, own } = await loadedBy(home, await slurmctl('status', job));
      expect(packages).toEqual(['commander', 'fastest-levenshtein', 'picocolors']);
      expect(own).toContain('dist/coordinator/summarise.js');
      expect(own.filter((path) => /\/cli\/commands(\.js$|\/(submit|list|plan|limit))/.test(path))).toEqual([]);
      expect(
        own.filter((path) => /^dist\/(worker|aggregator|retry|backends\/(batch-system|input|columnar))\//.test(path)),
      ).toEqual([]);
    }));

  it('status of a job in a spool asks no service, and loads nothing that could', () =>
    withTempDir(async (home) => {
      const job = await storedJob(home);
      const { packages } = await loadedBy(home, await slurmctl('status', job), {
        SLURMCTL_SPOOL: home,
        SLURMCTL_STORE: 's3://bucket/run?region=eu-central-1',
        SLURMCTL_STATE: 'dynamodb://table?region=eu-central-1',
      });
      expect(packages).toEqual(['commander', 'fastest-levenshtein', 'picocolors']);
    }));

  it(
    'status of states in a table loads the client of the table, and none of a bucket or a queue',
    () =>
      withTempDir(async (home) => {
        const { table } = await freshTable();
        const endpoint = await sharedAwsServer('dynamodb-local');
        const env = {
          ...AWS_TEST_ENV,
          AWS_ENDPOINT_URL_DYNAMODB: endpoint,
          SLURMCTL_STATE: `dynamodb://${table}`,
          SLURMCTL_STORE: 's3://bucket',
          SLURMCTL_QUEUE: 'sqs://queue',
        };
        const { packages } = await loadedBy(home, await slurmctl('list'), env);
        expect(packages).toContain('@aws-sdk/client-dynamodb');
        expect(packages.filter((name) => /client-s3|client-sqs|lib-storage|duckdb|sqlite/.test(name))).toEqual([]);
        // The first to ask waits for the server to start.
      }),
    120_000,
  );

  it('doctor loads no client of a service while everything lives in directories', () =>
    withTempDir(async (home) => {
      const { packages, own } = await loadedBy(home, await slurmctl('doctor'));
      expect(packages.filter((name) => /^@(aws-sdk|smithy)/.test(name))).toEqual([]);
      expect(own.filter((path) => path.startsWith('dist/backends/probe/'))).toEqual([]);
    }));

  it('the recorder sees what is loaded late and by CommonJS packages', () =>
    withTempDir(async (home) => {
      const late = `const { default: Database } = await import('better-sqlite3'); new Database(':memory:').close();`;
      const { packages } = await loadedBy(home, ['--input-type=module', '--eval', late]);
      expect(packages).toEqual(expect.arrayContaining(['better-sqlite3', 'bindings']));
    }));
});
