import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../src/app/api.ts';
import { createApp } from '../../src/app/create-app.ts';
import { createSurroundings, openDrivers, type Drivers } from '../../src/app/job-backends.ts';
import { asJobId, type JobId } from '../../src/domain/ids.ts';
import { jobIndexKey } from '../../src/domain/state-keys.ts';
import { compiledProject } from '../support/compiled.ts';
import { createCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import { withTempDir } from '../support/temp-dir.ts';

const JOB_FILE =
  'input: {file: n.jsonl}\nbatch: {items: 2}\nhandler: {module: ./double.mjs}\noutput: {columns: {doubled: int}}\n';

interface Place {
  readonly root: string;
  readonly url: (name: string) => string;
  /** The command line with settings that share nothing but the state table with what the job was submitted with. */
  readonly elsewhere: Cli;
  readonly submit: () => Promise<JobId>;
}

const withJob = (fn: (place: Place, job: JobId) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => {
    const url = (name: string): string => `file://${join(root, name)}`;
    writeFiles(root, { 'job.yaml': JOB_FILE, 'n.jsonl': numberLines(4), 'double.mjs': DOUBLING_HANDLER });
    const project = await compiledProject();
    const env = { SLURMCTL_STATE: url('state'), SLURMCTL_SCHEDULER: 'local', SLURMCTL_SCRATCH: root };
    const here = { SLURMCTL_HOME: join(root, 'home'), SLURMCTL_STORE: url('objects'), SLURMCTL_QUEUE: url('queue') };
    const submit = async (): Promise<JobId> => {
      const cli = createCli(root, { ...env, ...here }, project);
      return (await cli.json<{ jobId: JobId }>(['submit', 'job.yaml', '--wait'])).jobId;
    };
    const elsewhere = createCli(root, { ...env, SLURMCTL_HOME: join(root, 'other') }, project);
    await fn({ root, url, elsewhere, submit }, await submit());
  });

/** An app whose settings name other directories for everything but the state. */
async function appElsewhere(root: string): Promise<{ app: App; drivers: Drivers }> {
  const home = join(root, 'other');
  const state = `file://${join(root, 'state')}`;
  const urls = { home, state, store: `file://${home}/objects`, queue: `file://${home}/queue` };
  const app = await createApp({ flags: { home, state, scheduler: 'local' }, env: {}, cwd: root });
  return { app, drivers: await openDrivers(createSurroundings({}), urls) };
}

describe('a job remembers store, queue and home', () => {
  it('for everything that looks at it', () =>
    withJob(async ({ root, elsewhere }, job) => {
      const output = (path: string): boolean => path.startsWith(join(root, 'objects'));
      expect((await elsewhere.json<{ output: string }>(['status', job])).output).toSatisfy(output);
      expect((await elsewhere.json<{ path: string }>(['results', job])).path).toSatisfy(output);
      const sql = 'select sum(doubled)::int from results';
      expect((await elsewhere.json<{ rows: unknown }>(['results', job, '--query', sql])).rows).toEqual([[12]]);
      expect((await elsewhere('results', '@last', '--export', 'jsonl')).stdout.trim().split('\n')).toHaveLength(4);
      const { lines } = await elsewhere.json<{ lines: { source: string; origin: string }[] }>(['logs', job]);
      expect(lines.filter(({ source }) => source === 'element').map(({ origin }) => origin)).toSatisfy(
        (origins: string[]) =>
          origins.length > 0 && origins.every((origin) => origin.startsWith(join(root, 'home/elements'))),
      );
      expect((await elsewhere.json<{ published: boolean }>(['aggregate', job])).published).toBe(false);
      expect((await elsewhere.json<{ state: string }>(['advance', job])).state).toBe('COMPLETED');
      // Looking and advancing left nothing where the settings of the moment point to.
      expect(existsSync(join(root, 'other'))).toBe(false);
    }));

  it('for what removes it', () =>
    withJob(async ({ root, elsewhere }, job) => {
      const { removed } = await elsewhere.json<{ removed: { what: string; objects: number }[] }>([
        'gc',
        job,
        '--purge',
      ]);
      expect(removed).toEqual([expect.objectContaining({ what: `job ${job}` })]);
      expect(removed[0]?.objects).toBeGreaterThan(5);
      expect([readdirSync(join(root, 'objects')), readdirSync(join(root, 'home/elements'))]).toEqual([[], []]);
      expect((await elsewhere.json<{ jobs: unknown[] }>(['list', '--all'])).jobs).toEqual([]);
    }));

  it('unless it comes from a version that did not write them down', () =>
    withJob(async ({ root }, job) => {
      const { app, drivers } = await appElsewhere(root);
      await drivers.state.write(jobIndexKey(job), { remove: ['backends'] }, { op: 'item-present' });
      const { output } = await app.status(job);
      expect(output).toContain(join(root, 'other/objects'));
      await expect(app.results(job)).rejects.toMatchObject({ code: 'OUTPUT_NOT_READY' });
    }));

  it('and says so when it is something that this version does not know', () =>
    withTempDir(async (root) => {
      const { app, drivers } = await appElsewhere(root);
      const job = asJobId('later-22222222');
      const backends = { home: root, store: 'gs://bucket?key=hunter2', queue: `file://${root}/q` };
      const item = { name: 'later', createdMs: 1, live: true, backends };
      await drivers.state.createMany([{ key: jobIndexKey(job), item }]);
      const error: unknown = await app.status(job).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'STATE_CORRUPT',
        message: expect.stringContaining(`job ${job}: its store`) as string,
      });
      expect(JSON.stringify(error)).not.toContain('hunter2');
    }));
});
