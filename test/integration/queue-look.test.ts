import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Drivers } from '../../src/app/job-backends.ts';
import { openQueueView } from '../../src/app/open-queue-view.ts';
import { queueDocument } from '../../src/app/status-queue.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import type { Submission } from '../../src/coordinator/submissions.ts';
import { asJobId, asSubmissionId } from '../../src/domain/ids.ts';
import { withTempDir } from '../support/temp-dir.ts';

const JOB = asJobId('embed-00000000');

/** A squeue that notes how it was called and answers like Slurm. */
const SQUEUE = `#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
printf 'Welcome to the cluster\\n'
printf '7|3-9|PENDING|0|0||Priority|0:00|embed-00000000.a|\\n'
printf '7|0-2|RUNNING|0|0|n1|None|1:00|embed-00000000.a|\\n'
printf '8|N/A|PENDING|0|0||QOSMaxJobsPerUserLimit|0:00|another|\\n'
`;

/** What one process on a login node has. */
function processOn(root: string, more: Readonly<Record<string, string>> = {}): Drivers {
  const clock = createSystemClock();
  const env = { PATH: `${root}:/usr/bin:/bin`, HOME: join(root, 'home'), CALLS: join(root, 'calls'), ...more };
  return { env, clock, ids: createSystemIds(clock) } as unknown as Drivers;
}

const calls = (root: string): string[] => readFileSync(join(root, 'calls'), 'utf8').trimEnd().split('\n');
const row = { kind: 'array', state: 'SUBMITTED', jobName: `${JOB}.a`, id: asSubmissionId('0'.repeat(26)) };
const rows = [row as Submission];

describe('the look into the queue', () => {
  it('is one squeue for all who watch', () =>
    withTempDir(async (root) => {
      writeFileSync(join(root, 'squeue'), SQUEUE, { mode: 0o755 });
      const first = await queueDocument(openQueueView(processOn(root)), rows);
      expect(first).toMatchObject({
        running: 3,
        problem: null,
        waiting: [{ reason: 'Priority', elements: 7, says: 'jobs of higher priority are ahead in the queue' }],
      });
      const looks = Array.from({ length: 10 }, () => queueDocument(openQueueView(processOn(root)), rows));
      for (const look of await Promise.all(looks)) expect(look).toEqual(first);
      expect(calls(root)).toEqual([expect.stringMatching(/^-h --user=\d+ -O /)]);
      expect(
        readdirSync(join(root, 'home', '.cache', 'slurmctl')).filter((name) => name.endsWith('.json')),
      ).toHaveLength(1);
    }));

  it('keeps clusters apart whose login nodes share a home', () =>
    withTempDir(async (root) => {
      writeFileSync(join(root, 'squeue'), SQUEUE, { mode: 0o755 });
      const conf = join(root, 'slurm.conf');
      const cache = join(root, 'cache');
      for (const name of ['ClusterName=a', '# ClusterName=no\nclustername = b', 'ClusterName=b']) {
        writeFileSync(conf, `${name}\nSlurmctldHost=x\n`);
        await queueDocument(openQueueView(processOn(root, { SLURM_CONF: conf, XDG_CACHE_HOME: cache })), rows);
      }
      expect(calls(root)).toHaveLength(2);
      expect(readdirSync(join(cache, 'slurmctl')).filter((name) => name.endsWith('.json'))).toHaveLength(2);
    }));

  it('says what is the matter where there is no Slurm, and asks nobody for a job that has sent nothing', () =>
    withTempDir(async (root) => {
      const nowhere = openQueueView(processOn(root, { PATH: root }));
      expect(await queueDocument(nowhere, [])).toEqual({ askedAt: null, running: null, waiting: [], problem: null });
      expect((await queueDocument(nowhere, rows)).problem).toContain('squeue is not on this host');
    }));
});
