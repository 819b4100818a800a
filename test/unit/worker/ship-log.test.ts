import { describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../../src/domain/ids.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { createAttemptLog } from '../../../src/worker/attempt-log.ts';
import type { ElementContext } from '../../../src/worker/needs.ts';
import { createLogShipper } from '../../../src/worker/ship-log.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createListLog, JOB } from '../../support/worker-job.ts';

describe('the log of an attempt on its way to the store', () => {
  it('holds nobody up when the store does not answer that its parts are gone', async () => {
    const clock = createManualClock();
    const log = createListLog();
    const done: string[] = [];
    const store = {
      put: async (key: string) => void done.push(key.slice(key.indexOf('log'))),
      delete: () => new Promise<void>(() => undefined),
    } as unknown as ObjectStore;
    const context = { deps: { store, clock, log }, input: { assignment: { job: JOB } }, attempt: asAttemptId('1_0.0') };
    const attemptLog = createAttemptLog({ clock });
    const shipper = createLogShipper(
      context as unknown as ElementContext,
      { task: taskIdOf(0) } as Parameters<typeof createLogShipper>[1],
      attemptLog,
    );
    attemptLog.log.info('one');
    await shipper.ship();
    let isOver = false;
    const storing = shipper.storeWhole().then(() => void (isOver = true));
    await clock.advance(4_999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    expect(isOver).toBe(true);
    await storing;
    expect(done).toEqual(['log/000001.jsonl', 'log.jsonl']);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { error: 'Error: it took too long' } }]);
  });
});
