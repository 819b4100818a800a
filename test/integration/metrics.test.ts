import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assembleDrivers, createSurroundings, type Drivers } from '../../src/app/job-backends.ts';
import { limitSet } from '../../src/app/limit-commands.ts';
import { createFreshReader, readExposition, serveMetrics, writeMetrics } from '../../src/app/metrics-commands.ts';
import { poolSet } from '../../src/app/pool-commands.ts';
import { readMetrics } from '../../src/app/read-metrics.ts';
import { statusDocument } from '../../src/app/status-document.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { jobIndexKey, metaKey, taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { readPrometheusText } from '../support/prometheus-text.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let directory: ReturnType<typeof makeTempDir>;
let rig: Rig;
let drivers: Drivers;
let job: JobId;
beforeEach(async () => {
  directory = makeTempDir('metrics');
  rig = createRig(join(directory.path, 'home'));
  ({ job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 }));
  const { store, state, queue, clock } = rig.process();
  const surroundings = { ...createSurroundings(process.env), clock };
  const urls = { home: directory.path, store: store.rootUrl, state: state.rootUrl, queue: queue.rootUrl };
  drivers = assembleDrivers(surroundings, urls, { store, state, queue, removeHalfWritten: async () => 0 });
});
afterEach(() => directory.remove());

/** Jobs that have ended, as far as the index and META go. */
async function addEnded(count: number): Promise<void> {
  const meta = (await drivers.state.get(metaKey(job))) ?? {};
  for (let n = 0; n < count; n += 1) {
    const id = `old-${String(n).padStart(8, '0')}` as JobId;
    const createdMs = n;
    await drivers.state.createMany([
      { key: jobIndexKey(id), item: { name: 'old', createdMs, live: false } },
      { key: metaKey(id), item: { ...meta, state: 'COMPLETED', name: 'old', createdMs, finishedMs: 9, shards: 0 } },
    ]);
  }
}

/** A state table of which some partitions cannot be read. */
const failing = (which: (partition: string) => boolean, error: Error): Drivers => ({
  ...drivers,
  state: {
    ...drivers.state,
    query: (partition, prefix) => {
      if (which(partition)) throw error;
      return drivers.state.query(partition, prefix);
    },
  },
});

const figures = async (jobs: readonly string[] = []) => {
  const { exposition } = await readExposition(drivers, jobs);
  const families = readPrometheusText(exposition);
  return (name: string) => families.get(name)?.samples ?? [];
};

describe('metrics', () => {
  it('are those of status, of limits and of pools', async () => {
    await rig.work(job, (task) => task.id === '000001');
    await limitSet(drivers, { name: 'api', words: { rate: '300/min' } });
    await poolSet(drivers, { name: 'db', words: { slots: '3' } });
    const of = await figures();
    const { items, tasks } = await statusDocument(drivers, job);
    const byLabel = (name: string, label: string) =>
      Object.fromEntries(of(name).map(({ labels, value }) => [labels[label], value]));
    const { total: _items, ...outcomes } = items;
    const { total: _tasks, ...states } = tasks;
    expect(byLabel('slurmctl_job_items', 'outcome')).toEqual(outcomes);
    expect(byLabel('slurmctl_job_tasks', 'state')).toEqual(states);
    expect(of('slurmctl_job_info')[0]?.labels).toEqual({ job_id: job, job_name: 'rig', scheduler: 'local' });
    expect(of('slurmctl_read_timestamp_seconds')[0]?.value).toBe(rig.clock.nowMs() / 1_000);
    expect(of('slurmctl_pool_slots')).toEqual([{ name: 'slurmctl_pool_slots', labels: { pool: 'db' }, value: 3 }]);
    expect(of('slurmctl_limit_rate_per_second')[0]).toMatchObject({
      labels: { limit: 'api', unit: 'requests' },
      value: 5,
    });
  });

  it('are of the live jobs and the newest that have ended, however many there are', async () => {
    await addEnded(30);
    const of = await figures();
    const ids = of('slurmctl_job_info').map(({ labels }) => labels['job_id']);
    expect(ids).toHaveLength(21);
    expect(ids).toContain(job);
    expect(ids).toContain('old-00000029');
    expect(ids).not.toContain('old-00000009');
    const named = await figures(['old-00000003', job, 'old-00000003']);
    expect(named('slurmctl_job_info')).toHaveLength(2);
    await expect(readMetrics(drivers, ['nobody'])).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('of a directory that is not there are none: a file of before stays, and grows old', async () => {
    const url = pathToFileURL(join(directory.path, 'not-mounted')).href;
    const elsewhere = { ...drivers, state: { ...drivers.state, rootUrl: url } };
    const path = join(directory.path, 'slurmctl.prom');
    await writeMetrics(drivers, { jobs: [], path });
    const before = readFileSync(path, 'utf8');
    await expect(writeMetrics(elsewhere, { jobs: [], path })).rejects.toMatchObject({ code: 'STATE_MISSING' });
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('of a job that cannot be read are missing, and say so', async () => {
    await addEnded(1);
    const { partition: tasks } = taskKey(job, taskIdOf(0), 1);
    const torn = failing((partition) => partition === tasks, new AppError('STATE_CORRUPT', { message: 'torn' }));
    const document = await readMetrics(torn, []);
    expect(document.unreadable).toEqual([{ jobId: job, problem: 'torn [STATE_CORRUPT]' }]);
    expect(document.samples.find(({ name }) => name === 'slurmctl_unreadable_jobs')?.value).toBe(1);
    expect(document.samples.filter(({ name }) => name === 'slurmctl_job_info')).toHaveLength(1);
  });
});

describe('a file of metrics', () => {
  it('is replaced in one step, for a collector that is another user', async () => {
    const path = join(directory.path, 'slurmctl.prom');
    writeFileSync(path, 'old');
    const { document } = await writeMetrics(drivers, { jobs: [], path });
    expect(document.path).toBe(path);
    expect(readPrometheusText(readFileSync(path, 'utf8')).has('slurmctl_job_items')).toBe(true);
    expect(statSync(path).mode & 0o444).toBe(0o444);
    expect(readdirSync(directory.path).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('is for all users to read whatever the umask is', async () => {
    const path = join(directory.path, 'slurmctl.prom');
    const before = process.umask(0o077);
    try {
      await writeMetrics(drivers, { jobs: [], path });
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('stays as it was when the state cannot be read', async () => {
    const path = join(directory.path, 'slurmctl.prom');
    writeFileSync(path, 'old');
    const away = failing(() => true, new AppError('STATE_UNAVAILABLE', { message: 'away' }));
    await expect(writeMetrics(away, { jobs: [], path })).rejects.toMatchObject({ exitCode: 5 });
    expect(readFileSync(path, 'utf8')).toBe('old');
  });
});

describe('served metrics', () => {
  const serve = async (tokenFile: string | undefined, look: (url: string) => Promise<void>): Promise<void> => {
    const stop = new AbortController();
    await serveMetrics(drivers, {
      jobs: [],
      port: 0,
      ...(tokenFile === undefined ? {} : { tokenFile }),
      signal: stop.signal,
      onListening: async ({ url }) => {
        try {
          await look(url ?? '');
        } finally {
          stop.abort();
        }
      },
    });
  };

  it('are for whoever has the token', () =>
    serve(undefined, async (url) => {
      const answer = await fetch(url);
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(readPrometheusText(await answer.text()).has('slurmctl_live_jobs')).toBe(true);
      const { origin } = new URL(url);
      expect((await fetch(`${origin}/metrics`)).status).toBe(403);
      expect((await fetch(`${origin}/aaaaaaaaaaaaaaaa/metrics`)).status).toBe(403);
      expect((await fetch(url.replace(/metrics$/, 'else'))).status).toBe(404);
    }));

  it('have the same address again where the token is kept', async () => {
    const path = join(directory.path, 'token');
    const paths: string[] = [];
    for (let n = 0; n < 2; n += 1) await serve(path, async (url) => void paths.push(new URL(url).pathname));
    expect(paths[0]).toBe(paths[1]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('are refused with a token that is none, or no secret', async () => {
    const path = join(directory.path, 'token');
    writeFileSync(path, 'short\n', { mode: 0o600 });
    await expect(serve(path, async () => undefined)).rejects.toMatchObject({
      code: 'USAGE',
      message: /holds no token/,
    });
    writeFileSync(path, `${'a'.repeat(32)}\n`);
    chmodSync(path, 0o644);
    await expect(serve(path, async () => undefined)).rejects.toMatchObject({
      code: 'USAGE',
      message: /others may read/,
    });
    mkdirSync(join(directory.path, 'folder'), { mode: 0o700 });
    await expect(serve(join(directory.path, 'folder'), async () => undefined)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(serve(join(directory.path, 'no/token'), async () => undefined)).rejects.toMatchObject({
      code: 'USAGE',
    });
    expect(existsSync(join(directory.path, 'no'))).toBe(false);
  });

  it('are read at most every ten seconds', async () => {
    const read = createFreshReader(drivers, []);
    const [first, beside] = await Promise.all([read(), read()]);
    expect(beside).toBe(first);
    rig.clock.skip(9_999);
    expect(await read()).toBe(first);
    rig.clock.skip(1);
    expect(await read()).not.toBe(first);
  });
});
