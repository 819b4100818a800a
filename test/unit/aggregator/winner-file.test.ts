import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readWinnerFile } from '../../../src/aggregator/winner-file.ts';
import { createFsObjectStore } from '../../../src/backends/object-store/fs.ts';
import { createSqliteResultFiles } from '../../../src/backends/result-file/index.ts';
import { asAttemptId, asJobId, taskIdOf } from '../../../src/domain/ids.ts';
import { doneKey, resultsKey } from '../../../src/domain/keys.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import type { Scratch } from '../../../src/ports/scratch.ts';
import { failed, succeeded } from '../../support/outcomes.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const job = asJobId('job-00000000');
const task = taskIdOf(0);
const attempt = asAttemptId('1_0.0');

/** What is read of a winner with these outcomes, and the directories that took. */
const readBack = (outcomes: readonly ItemOutcome[], only?: 'failed') =>
  withTempDir(async (dir) => {
    const store = createFsObjectStore({ root: join(dir, 'objects'), ids: { token: () => 'abc' } as never });
    const files = await createSqliteResultFiles();
    const path = join(dir, 'results.sqlite');
    const file = files.create(path);
    file.append(outcomes);
    file.seal();
    const { key, sha256, bytes } = await store.putFile(resultsKey(job, task, attempt), path);
    const done = { schema: 'slurmctl.done/1', job, task, attempt, files: { results: { key, sha256, bytes } } };
    const stored = await store.put(doneKey(job, task, attempt), JSON.stringify(done));
    const opened: string[] = [];
    const scratch: Pick<Scratch, 'open'> = {
      open: (purpose) => {
        opened.push(purpose);
        return Promise.resolve({ path: dir, dispose: () => Promise.resolve() });
      },
    };
    const deps = { store, scratch: scratch as Scratch, resultFiles: () => Promise.resolve(files) };
    const wanted = { task, attempt, sha256: stored.sha256, ...(only === undefined ? {} : { only }) };
    return { ...(await readWinnerFile(deps, job, wanted)), opened };
  });

test('a small file is read in memory, a large one by way of the disk, and both say the same', async () => {
  const few = [succeeded(0), failed(1), succeeded(2)];
  expect(await readBack(few)).toMatchObject({ outcomes: few, opened: [] });
  expect((await readBack(few, 'failed')).outcomes).toEqual([failed(1)]);
  const large = [succeeded(0, { text: 'x'.repeat(5_000_000) }), failed(1)];
  expect(await readBack(large)).toMatchObject({ outcomes: large, opened: ['outcomes'] });
  expect((await readBack(large, 'failed')).outcomes).toEqual([failed(1)]);
});
