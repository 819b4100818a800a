import { describe, expect, it } from 'vitest';
import type { AttemptId, JobId, TaskId } from '../../../src/domain/ids.ts';
import type { TaskManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { decodeSegment } from '../../../src/domain/segment.ts';
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
