import { expect, it } from 'vitest';
import { readAlertFacts } from '../../src/app/alert-facts.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const MINUTE_MS = 60_000;

it('alerts know how long a job still takes and whether it may retry, as its tasks say', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 400, batchItems: 10 });
    const drivers = rig.process() as unknown as Drivers;
    const { state, clock } = rig.process();
    const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
    const facts = () => readAlertFacts(drivers, job, []);
    const set = (task: number, item: StateItem) =>
      state.write(taskKey(job, taskIdOf(task), 1), { set: item }, { op: 'item-present' });
    expect(await facts()).toMatchObject({ left: null, heldRetries: 0, givenUpTasks: 0 });

    // A task a minute, as each of the last twenty minutes had it; one runs, one waits for its retry.
    const beganMs = clock.nowMs();
    rig.clock.skip(20 * MINUTE_MS);
    for (let task = 0; task < 20; task += 1) {
      const finishedMs = beganMs + (task + 1) * MINUTE_MS;
      const ran = { startedMs: finishedMs - MINUTE_MS, finishedMs, node: 'n1', cpuMs: 1 };
      const win = { attempt: '1_0.0', sha256: '', rows: 10, succeeded: 10, failed: 0, ran };
      await set(task, { state: 'DONE', attempts: 1, charged: 1, win });
    }
    await set(20, { state: 'RUNNING', owner: '1_0.0', startedMs: clock.nowMs(), heartbeatMs: clock.nowMs() });
    await set(21, { state: 'WAIT', attempts: 2, charged: 2, cause: 'handler-error', notBeforeMs: clock.nowMs() });
    const { left, heldRetries } = await facts();
    expect(heldRetries).toBe(0);
    expect(left?.atLeastMs).toBeGreaterThan(15 * MINUTE_MS);
    expect(left?.atMostMs).toBeLessThan(30 * MINUTE_MS);

    // With nothing running nobody knows the pace of the moment: at its mean pace it takes as long as it did.
    await set(20, { state: 'PENDING' });
    expect((await facts()).left).toEqual({ atLeastMs: 20 * MINUTE_MS, atMostMs: null });

    // Twenty retries are free, and twenty tasks that are done have earned two.
    await set(21, { charged: 22 });
    expect((await facts()).heldRetries).toBe(0);
    await set(21, { charged: 23 });
    expect((await facts()).heldRetries).toBe(1);

    // What fails most is what messages name.
    const group = { cause: 'handler-error', errorClass: 'LicenceError', message: 'none for pump-3' };
    const failures = [{ fingerprint: '1c0ffee00000', items: 2, ...group }];
    await set(0, { win: { attempt: '1_0.0', sha256: '', rows: 10, succeeded: 7, failed: 3, failures } });
    await set(21, { fingerprint: '1c0ffee00000' });
    expect((await facts()).worst).toBe(
      'at least 2 items and 1 task with handler-error (LicenceError: none for pump-3)',
    );
  }));
