import { describe, expect, it } from 'vitest';
import type { AttemptId, JobId, TaskId } from '../../../src/domain/ids.ts';
import type { TaskManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { decodeSegment, encodeSegment, MAX_CARRIED_TRIES, type Segment } from '../../../src/domain/segment.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ResultFile } from '../../../src/ports/result-file.ts';
import { createCheckpointer } from '../../../src/worker/checkpointer.ts';
import type { ElementContext } from '../../../src/worker/needs.ts';
import { createOutputNormaliser } from '../../../src/worker/normalise-output.ts';
import type { ClaimedTask } from '../../../src/worker/task-writes.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const outcome = (itemIndex: number): ItemOutcome => ({
  itemId: String(itemIndex),
  itemIndex,
  status: 'succeeded',
  attempts: 1,
  durationMs: 1,
  errorClass: null,
  errorMessage: null,
  cause: null,
  output: 'null',
});

describe('a segment whose upload failed', () => {
  it('is sent again with the same bytes, because the first ones may still arrive', async () => {
    const rows = [outcome(0)];
    const sent: { readonly key: string; readonly body: string }[] = [];
    const pointers: unknown[] = [];
    const context = {
      attempt: '7_0.0' as AttemptId,
      input: { assignment: { job: 'job-00000000' as JobId }, endsAtMs: null },
      deps: {
        clock: createManualClock(),
        store: {
          put: (key: string, body: string) => {
            sent.push({ key, body });
            // Not worth repeating at once, so that the caller learns of it.
            return sent.length === 1
              ? Promise.reject(new AppError('STORE_FULL', { message: 'no space' }))
              : Promise.resolve({ key, bytes: body.length, sha256: '' });
          },
        },
        state: {
          write: (_key: unknown, { set }: { readonly set: { readonly checkpoint: unknown } }) => {
            pointers.push(set.checkpoint);
            return Promise.resolve({ applied: true, item: {} });
          },
        },
      },
    } as unknown as ElementContext;
    const checkpointer = createCheckpointer(context, {
      claimed: { task: '000000' as TaskId, key: { partition: 'p', sort: 's' }, item: { generation: 0 } } as ClaimedTask,
      manifest: { batch: { sha256: 'x' } } as TaskManifest,
      results: { rowsSince: (after: number) => rows.slice(after) } as unknown as ResultFile,
      normaliser: createOutputNormaliser({ mode: 'json' }),
      flush: () => undefined,
      tries: new Map(),
    });
    await expect(checkpointer.save()).rejects.toMatchObject({ code: 'STORE_FULL' });
    rows.push(outcome(1));
    expect(await checkpointer.save()).toBe('saved');
    expect(sent.map(({ key }) => key.slice(-12))).toEqual(['000001.jsonl', '000001.jsonl', '000002.jsonl']);
    expect(sent[1]?.body).toBe(sent[0]?.body);
    const items = sent.slice(1).flatMap(({ body }): (number | string)[] => {
      const segment = decodeSegment(new TextEncoder().encode(body));
      return typeof segment === 'string' ? [segment] : segment.outcomes.map(({ itemIndex }) => itemIndex);
    });
    expect(items).toEqual([0, 1]);
    expect(pointers).toEqual([{ attempt: '7_0.0', seq: 2, items: 2 }]);
  });
});

describe('tries at items without an outcome', () => {
  function open(before: readonly (readonly [number, number])[]) {
    const rows: ItemOutcome[] = [];
    const tries = new Map(before);
    const headers: (Segment['header'] | string)[] = [];
    const context = {
      attempt: '7_0.0' as AttemptId,
      input: { assignment: { job: 'job-00000000' as JobId }, endsAtMs: null },
      deps: {
        clock: createManualClock(),
        store: {
          put: (key: string, body: string) => {
            const segment = decodeSegment(new TextEncoder().encode(body));
            headers.push(typeof segment === 'string' ? segment : segment.header);
            return Promise.resolve({ key, bytes: body.length, sha256: '' });
          },
        },
        state: { write: () => Promise.resolve({ applied: true, item: {} }) },
      },
    } as unknown as ElementContext;
    const checkpointer = createCheckpointer(context, {
      claimed: { task: '000000' as TaskId, key: { partition: 'p', sort: 's' }, item: { generation: 0 } } as ClaimedTask,
      manifest: { batch: { sha256: 'x' } } as TaskManifest,
      results: { rowsSince: (after: number) => rows.slice(after) } as unknown as ResultFile,
      normaliser: createOutputNormaliser({ mode: 'json' }),
      flush: () => undefined,
      tries,
    });
    return { checkpointer, rows, tries, headers };
  }

  it('go along with the outcomes, and alone when there are none', async () => {
    const { checkpointer, rows, tries, headers } = open([]);
    expect(await checkpointer.save()).toBe('nothing-new');
    tries.set(9, 1).set(3, 2);
    expect(await checkpointer.save()).toBe('saved');
    expect(await checkpointer.save()).toBe('nothing-new');
    rows.push(outcome(3));
    tries.delete(3);
    expect(await checkpointer.save()).toBe('saved');
    expect(headers).toMatchObject([
      {
        seq: 1,
        rows: 0,
        tries: [
          [3, 2],
          [9, 1],
        ],
      },
      { seq: 2, rows: 1, tries: [[9, 1]] },
    ]);
  });

  it('of an earlier attempt are no news, and do not get lost', async () => {
    const { checkpointer, rows, headers } = open([[4, 1]]);
    expect(await checkpointer.save()).toBe('nothing-new');
    rows.push(outcome(0));
    await checkpointer.save();
    expect(headers).toMatchObject([{ tries: [[4, 1]] }]);
  });

  it('are bounded', async () => {
    const { checkpointer, tries, headers } = open([]);
    for (let item = 0; item < 10_000; item += 1) tries.set(item, 1);
    await checkpointer.save();
    expect((headers[0] as Segment['header']).tries).toHaveLength(MAX_CARRIED_TRIES);
  });

  it('that are not numbers make the segment unusable', () => {
    const body = encodeSegment({ seq: 1, tries: [[1, 'x' as unknown as number]] } as unknown as Segment['header'], []);
    expect(decodeSegment(new TextEncoder().encode(body))).toBe('its tries are not pairs of numbers');
  });
});
