// What workers leave in the store for tasks of a generated job: results with failures, a log, and the manifest and batch of each task.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ATTEMPT, ITEMS_A_TASK } from './failed-job.mjs';
import { load } from './measure.mjs';

const LINES = 60;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const json = (value) => JSON.stringify(value);

/** A function that stores the files of a task of which `failed` items fail, and returns the hash of its seal. */
export async function storeCommitted(drivers, project, job) {
  const { createSqliteResultFiles } = await load('backends/result-file/index.js');
  const { taskIdOf } = await load('domain/ids.js');
  const keys = await load('domain/keys.js');
  const files = await createSqliteResultFiles();
  const path = join(project.dir, 'results.sqlite');
  const { store } = drivers;
  return async (number, failed) => {
    const task = taskIdOf(number);
    const outcomes = outcomesOf(number * ITEMS_A_TASK, failed);
    const file = files.create(path);
    file.append(outcomes);
    file.seal();
    const { key, sha256: hash, bytes } = await store.putFile(keys.resultsKey(job, task, ATTEMPT), path);
    rmSync(path);
    const items = outcomes.map(({ itemIndex }) => `${json({ id: `item-${itemIndex}`, n: itemIndex })}\n`).join('');
    const batch = { key: keys.batchKey(job, task), sha256: sha256(items), bytes: items.length };
    const first = { firstItem: number * ITEMS_A_TASK, items: ITEMS_A_TASK };
    await store.put(batch.key, items);
    await store.put(
      keys.taskManifestKey(job, task),
      json({ schema: 'slurmctl.task-manifest/1', task, batch, ...first, bad: [] }),
    );
    await store.put(keys.attemptLogKey(job, task, ATTEMPT), logOf(outcomes));
    const files_ = { results: { key, sha256: hash, bytes } };
    const done = { schema: 'slurmctl.done/1', job, task, attempt: ATTEMPT, files: files_ };
    return (await store.put(keys.doneKey(job, task, ATTEMPT), json(done))).sha256;
  };
}

const outcomesOf = (firstItem, failed) =>
  Array.from({ length: ITEMS_A_TASK }, (_none, n) => {
    const itemIndex = firstItem + n;
    const shared = { itemId: `item-${itemIndex}`, itemIndex, attempts: 1, durationMs: 1.5 };
    const ok = { errorClass: null, errorMessage: null, cause: null, output: `{"n":${n},"text":"${'x'.repeat(80)}"}` };
    if (n % (ITEMS_A_TASK / failed) !== 0) return { ...shared, status: 'succeeded', ...ok };
    const errorMessage = `no row ${itemIndex} in /data/${itemIndex}.csv`;
    const why = { errorClass: 'TypeError', errorMessage, cause: 'handler-error', output: null };
    return { ...shared, status: 'failed', ...why };
  });

/** A line of every so many items, among them all that failed. */
function logOf(outcomes) {
  const every = Math.floor(ITEMS_A_TASK / LINES);
  return outcomes
    .filter(({ status }, n) => status === 'failed' || n % every === 0)
    .map(({ itemId, status, errorMessage }) =>
      json({
        level: status === 'failed' ? 50 : 30,
        time: 1_767_571_200_000,
        item: itemId,
        msg: errorMessage ?? 'read it',
      }),
    )
    .join('\n')
    .concat('\n');
}
