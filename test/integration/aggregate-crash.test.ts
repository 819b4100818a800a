import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import { openOutput } from '../../src/aggregator/read-output.ts';
import { finalKey } from '../../src/domain/keys.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { makeJob, type CommittedJob } from '../support/committed-job.ts';
import { failed, range, succeeded } from '../support/outcomes.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
let made: CommittedJob;
beforeEach(async () => {
  dir = makeTempDir('crash');
  made = await makeJob(dir.path, { output: { mode: 'json' }, tasks: [2, 2] });
  await made.commit(0, [succeeded(0), failed(1)]);
  await made.commit(1, range(2, 2));
});
afterEach(() => dir.remove());

/** A store that dies at its n-th write: before it, or after it with the answer lost. */
function dying(store: ObjectStore, at: number, when: 'before' | 'after'): ObjectStore {
  let writes = 0;
  const write = async <T>(fn: () => Promise<T>): Promise<T> => {
    writes += 1;
    if (writes === at && when === 'before') throw new Error('killed');
    const answer = await fn();
    if (writes === at) throw new Error('killed');
    return answer;
  };
  return {
    ...store,
    put: (key, body, signal) => write(() => store.put(key, body, signal)),
    putFile: (key, path, signal) => write(() => store.putFile(key, path, signal)),
  };
}

test.each([1, 2, 3, 4].flatMap((at) => (['before', 'after'] as const).map((when) => [at, when] as const)))(
  'killed at write %i, %s it: what is published is whole, and the next run finishes',
  async (at, when) => {
    await expect(
      aggregate({ ...made.deps, store: dying(made.deps.store, at, when) }, { job: made.job }),
    ).rejects.toThrow('killed');
    const isPublished = (await made.deps.store.head(finalKey(made.job))) !== null;
    expect(isPublished).toBe(at === 4 && when === 'after');
    expect(await aggregate(made.deps, { job: made.job })).toMatchObject({ published: !isPublished });
    expect((await openOutput(made.deps, made.job)).manifest).toMatchObject({ rows: 4, failed: 1 });
    expect(readdirSync(join(dir.path, 'scratch'))).toEqual([]);
    expect(readdirSync(made.path(`jobs/${made.job}/output`))).toHaveLength(1);
  },
);

test('two at once publish the same', async () => {
  const both = await Promise.all([aggregate(made.deps, { job: made.job }), aggregate(made.deps, { job: made.job })]);
  expect(both[0].manifest).toEqual(both[1].manifest);
  expect((await openOutput(made.deps, made.job)).manifest).toEqual(both[0].manifest);
  expect(readdirSync(made.path(`jobs/${made.job}/output`))).toHaveLength(1);
});

test('who has lost the right to publish does not move the pointer', async () => {
  const fenced = () => Promise.reject(new Error('fenced'));
  await expect(aggregate(made.deps, { job: made.job, fenced })).rejects.toThrow('fenced');
  expect(await made.deps.store.head(finalKey(made.job))).toBeNull();
});

test('an output whose job was opened again meanwhile is not published', async () => {
  const { deps, job } = made;
  const openAgain = () =>
    deps.state.write(metaKey(job), { add: { generation: 1 } }, { op: 'item-present' }).then(() => {});
  await expect(aggregate(deps, { job, fenced: openAgain })).rejects.toMatchObject({
    code: 'JOB_BAD_STATE',
    message: `job ${job} was opened again while its output was made; what was made is of generation 1 and not published`,
  });
  expect(await deps.store.head(finalKey(job))).toBeNull();
});
