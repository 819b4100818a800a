import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createApp } from '../../src/app/create-app.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** A squeue that notes each call, takes its time, and has nothing. */
const SQUEUE = `#!/bin/sh
printf '%s\\n' "$*" >> "$CALLS"
sleep 0.3
`;

it('whoever looks at a job, and however many do, Slurm is asked once', () =>
  withTempDir(async (root) => {
    const home = join(root, 'home');
    const rig = createRig(home);
    const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    await rig.process().state.write(metaKey(job), { set: { scheduler: 'slurm' } }, { op: 'item-present' });
    writeFileSync(join(root, 'squeue'), SQUEUE, { mode: 0o755 });
    const calls = join(root, 'calls');
    const env = { PATH: `${root}:/usr/bin:/bin`, HOME: join(root, 'user'), CALLS: calls };
    const open = () => createApp({ flags: { home }, env, cwd: root });
    const stop = new AbortController();
    const watching = Array.from({ length: 5 }, async () => {
      let seen = 0;
      // Each of them looks more than once.
      for await (const { queue } of (await open()).watch({ job, signal: stop.signal })) {
        expect(queue?.problem).toBeNull();
        seen += 1;
        if (seen === 2) return;
      }
    });
    const [status, explain, health, , report] = await Promise.all([
      (await open()).status(job),
      (await open()).explain({ job }),
      (await open()).health(),
      (await open()).metrics({ jobs: [] }),
      (await open()).report(job),
      ...watching,
    ]);
    stop.abort();
    expect(status.job).toMatchObject({ id: job, scheduler: 'slurm' });
    expect([explain.jobId, report.jobId]).toEqual([job, job]);
    expect(health.findings.filter(({ check }) => check === 'batch-system')).toEqual([]);
    expect(readFileSync(calls, 'utf8').trimEnd().split('\n')).toEqual([expect.stringMatching(/^-h --user=\d+ -O /)]);
  }));
