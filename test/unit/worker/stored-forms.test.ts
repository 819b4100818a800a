import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../../src/domain/ids.ts';
import type { TaskManifest } from '../../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../../src/domain/outcome.ts';
import { decodeSegment, encodeSegment } from '../../../src/domain/segment.ts';
import { openBatch } from '../../../src/domain/task-batch.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('openBatch', () => {
  const manifest = (items: number, bad: TaskManifest['bad'] = []): TaskManifest => ({
    schema: 'slurmctl.task-manifest/1',
    task: taskIdOf(3),
    batch: { key: 'k', sha256: '', bytes: 0 },
    firstItem: 100,
    items,
    bad,
  });

  it('decodes each line with its ordinal, with or without a last newline', () => {
    for (const text of ['{"a":"é"}\n"x"\n5\n', '{"a":"é"}\n"x"\n5']) {
      const batch = openBatch(bytes(text), manifest(3), undefined);
      expect([0, 1, 2].map((n) => batch.item(n))).toEqual([
        { itemId: '100', itemIndex: 100, payload: { a: 'é' }, json: '{"a":"é"}' },
        { itemId: '101', itemIndex: 101, payload: 'x', json: '"x"' },
        { itemId: '102', itemIndex: 102, payload: 5, json: '5' },
      ]);
    }
  });

  it('takes the id from its field, exactly', () => {
    const batch = openBatch(bytes('{"id":12345678901234567890}\n{"id":"é"}\n{"no":1}\n'), manifest(3), 'id');
    expect([0, 1, 2].map((n) => batch.item(n).itemId)).toEqual(['12345678901234567890', 'é', '102']);
    expect(batch.item(2).problem).toContain('missing');
  });

  it('names what is wrong with a record, by the manifest or by itself', () => {
    const batch = openBatch(
      bytes('oops\n{broken\n1\n'),
      manifest(3, [{ line: 0, message: 'row 7 has 3 fields' }]),
      undefined,
    );
    expect(batch.item(0)).toMatchObject({ itemId: '100', problem: 'row 7 has 3 fields' });
    expect(batch.item(1).problem).toMatch(/^not JSON: /);
    expect(batch.item(2).problem).toBeUndefined();
  });

  it('refuses a batch of another length than its manifest says: MANIFEST_CORRUPT', () => {
    expect(() => openBatch(bytes('1\n2\n'), manifest(3), undefined)).toThrow(
      expect.objectContaining({
        code: 'MANIFEST_CORRUPT',
        message: 'k has 2 lines, its manifest says 3 items',
      }) as Error,
    );
  });
});

describe('segment', () => {
  const header = { task: taskIdOf(1), attempt: asAttemptId('1_2.3'), seq: 4, generation: 1, batchSha256: 'x' };
  const outcome = fc.record({
    itemId: fc.string({ unit: 'grapheme' }),
    itemIndex: fc.nat(),
    status: fc.constant('succeeded' as const),
    attempts: fc.nat(),
    durationMs: fc.nat(),
    errorClass: fc.constant(null),
    errorMessage: fc.constant(null),
    cause: fc.constant(null),
    output: fc.option(fc.jsonValue().map((value) => JSON.stringify(value))),
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(outcome), (outcomes: ItemOutcome[]) => {
        expect(decodeSegment(bytes(encodeSegment(header, outcomes)))).toMatchObject({ header, outcomes });
      }),
    );
  });

  it.each([
    ['', 'it has no header line'],
    ['{"schema":"other/1"}\n', 'its schema is "other/1"'],
    ['not json\n', 'it is not JSON'],
  ])('says what is wrong with %o', (text, problem) => expect(decodeSegment(bytes(text))).toBe(problem));

  it('notices a changed, shortened or odd row', () => {
    const failed: ItemOutcome = {
      itemId: 'a',
      itemIndex: 0,
      status: 'failed',
      attempts: 1,
      durationMs: 1,
      errorClass: 'E',
      errorMessage: 'm',
      cause: 'handler-error',
      output: null,
    };
    const text = encodeSegment(header, [failed, failed]);
    expect(decodeSegment(bytes(text.replace('"m"', '"n"')))).toBe('its sha-256 differs from its header');
    expect(decodeSegment(bytes(text.slice(0, -10)))).toBe('its sha-256 differs from its header');
    expect(decodeSegment(bytes(encodeSegment(header, [{ ...failed, cause: 'nonsense' as 'oom' }])))).toBe(
      'row 1 is not an outcome',
    );
  });
});
