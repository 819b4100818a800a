import { describe, expect, it } from 'vitest';
import { asAttemptId } from '../../../src/domain/ids.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/catalogue.ts';
import type { StateItem, WriteResult } from '../../../src/ports/state-table.ts';
import { writeDecided } from '../../../src/worker/decided-write.ts';
import type { ElementContext } from '../../../src/worker/needs.ts';
import { patiently } from '../../../src/worker/patience.ts';
import { judgeTaskFailure } from '../../../src/worker/task-failure.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { elementInput } from '../../support/worker-job.ts';

type Answer = WriteResult | ErrorCode;
const fail = (code: ErrorCode): AppError => new AppError(code, { message: code });
const applied: WriteResult = { applied: true, item: { owner: 'me', from: 'answer' } };
const refused = (current: StateItem | null): WriteResult => ({ applied: false, current });

/** Runs one decided write against scripted answers. */
async function run(
  writes: readonly Answer[],
  reads: readonly (StateItem | null | ErrorCode)[] = [],
  endsAtMs: number | null = null,
) {
  const clock = createManualClock();
  const answers = [...writes];
  const back = [...reads];
  const stop = new AbortController();
  const context = {
    deps: {
      clock,
      random: { next: () => 0.5 },
      backoffMs: (tries: number, { baseMs }: { readonly baseMs: number }) => tries * baseMs,
      stop: stop.signal,
      state: {
        write() {
          const answer = answers.length > 1 ? answers.shift() : answers[0];
          return typeof answer === 'string' ? Promise.reject(fail(answer)) : Promise.resolve(answer);
        },
        get() {
          const answer = back.shift() ?? null;
          return typeof answer === 'string' ? Promise.reject(fail(answer)) : Promise.resolve(answer);
        },
      },
    },
    input: elementInput({ endsAtMs }),
    attempt: asAttemptId('1_0.0'),
  } as unknown as ElementContext;
  const result = writeDecided(context, {
    key: { partition: 'p', sort: 's' },
    change: {},
    when: { op: 'item-present' },
    mine: (item) => item['owner'] === 'me',
  }).catch((error: unknown) => error);
  for (let step = 0; step < 200 && (await clock.advanceToNext()); step += 1);
  return { result: await result, spentMs: clock.monotonicMs(), context };
}

describe('writeDecided', () => {
  it('takes a plain answer as it is, even a refusal by an item that looks like its own', async () => {
    expect((await run([applied])).result).toEqual(applied);
    expect((await run([refused({ owner: 'me' })])).result).toEqual(refused({ owner: 'me' }));
  });

  it('a lost answer that was applied is found by reading back', async () => {
    expect((await run(['STATE_UNCERTAIN'], [{ owner: 'me', from: 'read' }])).result).toEqual({
      applied: true,
      item: { owner: 'me', from: 'read' },
    });
  });

  it('a lost answer that was not applied is written again', async () => {
    expect((await run(['STATE_UNCERTAIN', applied], [{ owner: 'nobody' }])).result).toEqual(applied);
    expect((await run(['STATE_UNCERTAIN', refused({ owner: 'other' })], [{ owner: 'nobody' }])).result).toEqual(
      refused({ owner: 'other' }),
    );
  });

  it('a write that arrives after it was read back is recognised when the repetition is refused', async () => {
    expect((await run(['STATE_UNCERTAIN', refused({ owner: 'me' })], [{ owner: 'nobody' }])).result).toEqual({
      applied: true,
      item: { owner: 'me' },
    });
  });

  it('an unreadable item is written again', async () => {
    expect((await run(['STATE_UNCERTAIN', applied], ['STATE_UNAVAILABLE'])).result).toEqual(applied);
  });

  it('passing trouble is waited out for two minutes, not longer, and not beyond the time limit', async () => {
    expect((await run(['STATE_UNAVAILABLE', 'STATE_UNAVAILABLE', applied])).result).toEqual(applied);
    const endless = await run(['STATE_UNAVAILABLE']);
    expect(endless.result).toMatchObject({ code: 'STATE_UNAVAILABLE' });
    expect(endless.spentMs).toBeGreaterThan(60_000);
    expect(endless.spentMs).toBeLessThanOrEqual(120_000);
    const short = await run(['STATE_UNAVAILABLE'], [], 1_700_000_000_000 + 20_000);
    expect(short.spentMs).toBeLessThanOrEqual(15_000);
  });

  it('what is no passing trouble is thrown at once', async () => {
    const { result, spentMs } = await run(['STATE_CORRUPT']);
    expect(result).toMatchObject({ code: 'STATE_CORRUPT' });
    expect(spentMs).toBe(0);
  });

  it('a full disk is not waited for', async () => {
    const { context } = await run([applied]);
    let calls = 0;
    const operation = () => {
      calls += 1;
      return Promise.reject(fail('STORE_FULL'));
    };
    await expect(patiently(context, operation)).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(calls).toBe(1);
  });
});

describe('judgeTaskFailure', () => {
  it.each<[ErrorCode, string | null, boolean]>([
    ['STORE_CORRUPT', 'worker-error', false],
    ['MANIFEST_CORRUPT', 'worker-error', false],
    ['STORE_NOT_FOUND', 'worker-error', false],
    ['SCRATCH_FULL', 'disk-full', true],
    ['STORE_FULL', 'disk-full', true],
    ['STORE_DENIED', 'worker-error', true],
    ['SCRATCH_UNFIT', 'worker-error', true],
    ['STORE_UNAVAILABLE', null, true],
    ['STATE_UNAVAILABLE', null, true],
  ])('%s → %s', (code, cause, endsElement) => {
    const failure = judgeTaskFailure(fail(code));
    expect([failure.release?.cause ?? null, failure.endsElement]).toEqual([cause, endsElement]);
  });

  it('memory and disk are named, whatever broke over them', () => {
    const release = (error: Error) => judgeTaskFailure(error).release;
    expect(release(new RangeError('Array buffer allocation failed'))).toEqual({
      cause: 'oom',
      detail: 'Array buffer allocation failed',
    });
    expect(release(new Error('ENOSPC: no space left on device, write'))).toMatchObject({ cause: 'disk-full' });
    expect(release(new AppError('SCRATCH_UNFIT', { message: 'EDQUOT: disk quota exceeded' }))).toMatchObject({
      cause: 'disk-full',
    });
  });

  it('a bug releases the task and ends the element', () => {
    expect(judgeTaskFailure(new TypeError('x'))).toEqual({
      release: { cause: 'worker-error', detail: 'bug in slurmctl: x' },
      endsElement: true,
    });
  });
});
