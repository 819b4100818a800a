import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSurroundings } from '../../src/app/job-backends.ts';
import { openState, openStore } from '../../src/app/open-backends.ts';
import { shardCount } from '../../src/domain/state-keys.ts';
import { AWS_TEST_ENV, freshBucket, freshTable, useTestCredentials } from '../support/aws-resources.ts';
import { carry, contentOf, createSides, createSpoolJob, untruths } from '../support/spool-job.ts';
import { withTempDir } from '../support/temp-dir.ts';

describe('what a carry asks of real services', () => {
  it('is bounded by what changed, not by what there is', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      useTestCredentials();
      const surroundings = createSurroundings({ ...process.env, ...AWS_TEST_ENV });
      const [bucket, table] = await Promise.all([freshBucket(), freshTable()]);
      const far = {
        store: (await openStore(bucket.url, surroundings)).store,
        state: await openState(table.url, surroundings),
      };
      const { spool } = createSides(join(root, 'sides'));
      const tasks = 300;
      const job = await createSpoolJob(spool, { tasks, shards: shardCount(tasks) });
      let before = 0;
      const requests = async (): Promise<number> => {
        await carry(spool, far, job.job);
        const sum = surroundings.meter.totals().reduce((all, { requests }) => all + requests, 0);
        const sent = sum - before;
        before = sum;
        return sent;
      };
      const first = await requests();
      expect(await untruths(far, job)).toEqual([]);
      before = surroundings.meter.totals().reduce((all, { requests: sent }) => all + sent, 0);
      const unchanged = await requests();
      await job.claim(7);
      const claimed = await requests();
      await job.commit(7);
      const committed = await requests();
      for (let task = 0; task < tasks; task += 1) if (task !== 7) await job.giveUp(task);
      await job.complete('g0-a');
      await requests();
      const over = await requests();
      expect(await contentOf(far, job)).toEqual(await contentOf(spool, job));
      // The index, seven kinds of rows and one shard are read, and the record of the carry is written.
      expect(unchanged).toBe(10);
      expect(claimed).toBe(unchanged + 1);
      expect(committed).toBe(unchanged + 5);
      // Of a job that is over the record is not written again, but its pointer is looked at.
      expect(over).toBe(unchanged);
      expect(first).toBeLessThanOrEqual(tasks * 3 + 20);
    }),
  );
});
