import { beforeAll, expect, it } from 'vitest';
import { openQueue, openState, openStore } from '../../src/app/open-backends.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { summariseJob } from '../../src/coordinator/summarise.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createSystemIds, createSystemRandom } from '../../src/backends/random.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { AWS_OPERATIONS, type AwsRole } from '../../src/backends/shared/aws/permissions.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { freshBucket, freshQueue, freshTable, useTestCredentials } from '../support/aws-resources.ts';
import { elementInput, JOB } from '../support/worker-job.ts';
import { numbered, openWorkerFixture } from './worker-fixture.ts';

beforeAll(useTestCredentials);

const clock = createSystemClock();

/** The backends as one process opens them, and what that process asked for without being allowed to in this role. */
async function openAs(role: AwsRole, urls: { store: string; state: string; queue: string }) {
  const meter = createRequestMeter();
  const context = { clock, random: createSystemRandom(), ids: createSystemIds(clock), meter };
  const [{ store }, state, queue] = await Promise.all([
    openStore(urls.store, context),
    openState(urls.state, context),
    openQueue(urls.queue, context),
  ]);
  const beyond = () =>
    meter
      .totals()
      .filter(({ service, operation }) => AWS_OPERATIONS[service][operation]?.roles.includes(role) !== true)
      .map(({ service, operation }) => `${service} ${operation}`);
  return { store, state, queue, beyond, asked: () => meter.totals().length };
}

it('a worker and a reader ask for nothing that their policies do not allow', async () => {
  const [bucket, table, queue] = await Promise.all([freshBucket(), freshTable(), freshQueue()]);
  const urls = { store: bucket.url, state: table.url, queue: queue.url };
  const worker = await openAs('worker', urls);
  const coordinator = await openAs('coordinator', urls);

  // Results of 10 MB, so that an upload has several parts.
  const fixture = await openWorkerFixture({ store: coordinator.store, state: coordinator.state });
  const work = await openWorkerFixture({ store: worker.store, state: worker.state });
  try {
    const code =
      "import { randomBytes } from 'node:crypto'; export default () => randomBytes(450_000).toString('hex');";
    const spec = {
      checkpoint: { everyMs: 300 },
      retry: { items: 1, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {} },
    };
    await fixture.store(code, { tasks: [numbered(0, 11), ['{}']] }, spec);
    const report = await runElement(work.deps, elementInput());
    expect(report).toMatchObject({ committed: 2, failed: 0 });
    expect(worker.beyond()).toEqual([]);
    expect(worker.asked()).toBeGreaterThan(6);
    expect(coordinator.beyond()).toEqual([]);

    const reader = await openAs('reader', urls);
    await readMeta(reader.state, JOB);
    await summariseJob(reader.state, JOB);
    await reader.queue.depth();
    for await (const { key } of reader.store.list('')) {
      await reader.store.head(key);
      await reader.store.get(key);
    }
    expect(reader.beyond()).toEqual([]);
    expect(reader.asked()).toBeGreaterThan(5);
  } finally {
    fixture.close();
    work.close();
  }
});
