import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownJobs } from '../../src/app/find-job.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readRequest } from '../../src/coordinator/manifests.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { hostileObjectStore, hostileRetryQueue, hostileStateTable } from '../support/hostile.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { withTempDir } from '../support/temp-dir.ts';

const SEEDS = 12;
const ROUNDS = 120;
const RATES = { throttle: 0.02, loseAnswer: 0.05, duplicate: 0.3, delay: 0.1 };

/** A process whose state, store and queue behave as badly as their contracts allow. */
function hostileProcess(rig: Rig, seed: number): CoordinatorDeps {
  const deps = rig.process();
  const options = { random: createSeededRandom(seed), rates: RATES };
  return {
    ...deps,
    store: hostileObjectStore(deps.store, options),
    state: hostileStateTable(deps.state, options),
    queue: hostileRetryQueue(deps.queue, options),
  };
}

/** Runs one command of a person; what it refuses with a code is part of the play, anything else is a bug. */
async function unreliably(run: () => Promise<unknown>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return error.code;
  }
}

/** A submit that failed and could not tidy up either leaves a bare name, or a job marked as failed; the person submits again. */
async function canGoOn({ state, store }: Pick<CoordinatorDeps, 'state' | 'store'>, job: JobId): Promise<boolean> {
  const meta = await readMeta(state, job);
  return meta === null ? (await readRequest(store, job)) !== null : meta.state !== 'FAILED';
}

async function submit(rig: Rig, seed: number): Promise<{ job: JobId; refusals: (string | null)[] }> {
  const refusals: (string | null)[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    refusals.push(await unreliably(() => submitJob(hostileProcess(rig, seed + round), rig.wanted, { patienceMs: 0 })));
    rig.clock.skip(60_000);
    const { state, store } = rig.process();
    for (const { id } of await knownJobs(state)) if (await canGoOn({ state, store }, id)) return { job: id, refusals };
  }
  throw new Error(`no job in ${ROUNDS} submits: ${refusals.join(' ')}`);
}

/** Ends every array by the death of its node, with task 2 in the middle, until that task has been begun once. */
async function runToItsEnd(rig: Rig, job: JobId, seed: number): Promise<(string | null)[]> {
  const refusals: (string | null)[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const meta = await readMeta(rig.process().state, job);
    if (meta !== null && isFinalJobState(meta.state)) return refusals;
    const request = { job, waitLeaseMs: 60_000, patienceMs: 0 };
    refusals.push(await unreliably(() => advanceJob(hostileProcess(rig, seed + round), request)));
    if (rig.batch.accepted.some((one) => one.request.array !== undefined))
      await rig.work(job, (task) => task.id === '000002' && task.attempts === 0);
    rig.batch.endAll({ cause: 'node-fail', rawState: 'NODE_FAIL' });
    rig.clock.skip(60_000);
  }
  throw new Error(`the job did not end in ${ROUNDS} rounds: ${refusals.join(' ')}`);
}

describe('a job over drivers that throttle, delay, double and lose answers', () => {
  it('is done once, whatever they do', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const refusals: (string | null)[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const rig = createRig(join(root, String(seed)));
        const submitted = await submit(rig, seed * 10_000);
        refusals.push(...submitted.refusals, ...(await runToItsEnd(rig, submitted.job, seed * 10_000 + 1_000)));

        expect(await readMeta(rig.process().state, submitted.job), `seed ${seed}`).toMatchObject({
          state: 'COMPLETED',
          items: 20,
        });
        const tasks = await rig.tasks(submitted.job);
        expect(tasks.map(({ state, win }) => ({ state, rows: win?.rows }))).toEqual(
          tasks.map(() => ({ state: 'DONE', rows: 5 })),
        );
        // The dead node's attempt is given back once, however often that write was repeated.
        expect(tasks.map(({ attempts, charged }) => [attempts, charged])).toEqual([
          [1, 1],
          [1, 1],
          [2, 1],
          [1, 1],
        ]);
        const names = rig.batch.accepted.map(({ request }) => request.name);
        expect(new Set(names).size, `seed ${seed}`).toBe(names.length);
      }
      // Otherwise nothing was proved.
      const codes = ['STORE_UNAVAILABLE', 'STATE_UNAVAILABLE', 'STATE_UNCERTAIN', 'QUEUE_UNAVAILABLE'];
      expect(refusals).toEqual(expect.arrayContaining(codes));
      expect(refusals.filter((code) => code !== null).length).toBeGreaterThan(SEEDS);
    }),
  );
});
