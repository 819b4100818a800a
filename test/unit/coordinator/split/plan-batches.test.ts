import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchPlanner, type Batch } from '../../../../src/coordinator/split/plan-batches.ts';
import type { InputChunk } from '../../../../src/ports/input-source.ts';

interface Line {
  readonly text: string;
  readonly bad: boolean;
}

const chunkOf = (lines: readonly Line[]): InputChunk => {
  let at = 0;
  return {
    bytes: Buffer.from(lines.map(({ text }) => `${text}\n`).join('')),
    ends: lines.map(({ text }) => (at += Buffer.byteLength(text) + 1)),
    bad: lines.flatMap(({ text, bad }, index) => (bad ? [{ index, message: text }] : [])),
  };
};

const textOf = (batch: Batch): string => Buffer.concat(batch.pieces).toString('utf8');

function plan(lines: readonly Line[], limits: { items: number; bytes: number }, chunkSize: number): Batch[] {
  const planner = createBatchPlanner(limits);
  const batches: Batch[] = [];
  for (let at = 0; at < lines.length; at += chunkSize)
    batches.push(...planner.add(chunkOf(lines.slice(at, at + chunkSize))));
  const last = planner.finish();
  return last === null ? batches : [...batches, last];
}

const anyLines = fc.array(
  fc.record({ text: fc.string({ maxLength: 30 }).map((text) => text.replaceAll('\n', '')), bad: fc.boolean() }),
  { maxLength: 60 },
);
const anyLimits = fc.record({ items: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 1, max: 120 }) });
const anyChunk = fc.integer({ min: 1, max: 25 });

describe('batches', () => {
  it('put together are the input, and their ordinals are consecutive', () => {
    fc.assert(
      fc.property(anyLines, anyLimits, anyChunk, (lines, limits, chunkSize) => {
        const batches = plan(lines, limits, chunkSize);
        expect(batches.map(textOf).join('')).toBe(lines.map(({ text }) => `${text}\n`).join(''));
        let next = 0;
        for (const batch of batches) {
          expect(batch.firstItem).toBe(next);
          expect(textOf(batch).split('\n').length - 1).toBe(batch.items);
          expect(Buffer.byteLength(textOf(batch))).toBe(batch.bytes);
          next += batch.items;
        }
        expect(next).toBe(lines.length);
      }),
    );
  });

  it('are as large as the limits allow and no larger', () => {
    fc.assert(
      fc.property(anyLines, anyLimits, anyChunk, (lines, limits, chunkSize) => {
        const batches = plan(lines, limits, chunkSize);
        for (const [index, batch] of batches.entries()) {
          expect(batch.items).toBeGreaterThan(0);
          expect(batch.items).toBeLessThanOrEqual(limits.items);
          if (batch.items > 1) expect(batch.bytes).toBeLessThanOrEqual(limits.bytes);
          const next = lines[batch.firstItem + batch.items];
          const hasRoom =
            next !== undefined &&
            batch.items < limits.items &&
            batch.bytes + Buffer.byteLength(next.text) + 1 <= limits.bytes;
          expect(hasRoom, `batch ${index} closed early`).toBe(false);
        }
      }),
    );
  });

  it('do not depend on how the records were chunked', () => {
    const shape = (batch: Batch) => ({ ...batch, pieces: textOf(batch) });
    fc.assert(
      fc.property(anyLines, anyLimits, anyChunk, (lines, limits, chunkSize) => {
        expect(plan(lines, limits, chunkSize).map(shape)).toEqual(plan(lines, limits, 1000).map(shape));
      }),
    );
  });

  it('know which of their lines are bad', () => {
    fc.assert(
      fc.property(anyLines, anyLimits, anyChunk, (lines, limits, chunkSize) => {
        const found = plan(lines, limits, chunkSize).flatMap((batch) =>
          batch.bad.map(({ line, message }) => [batch.firstItem + line, message]),
        );
        expect(found).toEqual(lines.flatMap(({ text, bad }, index) => (bad ? [[index, text]] : [])));
      }),
    );
  });

  it('of one item when the item alone is over the byte limit', () => {
    const lines = ['a', 'x'.repeat(50), 'b', 'c'].map((text) => ({ text, bad: false }));
    expect(plan(lines, { items: 10, bytes: 10 }, 4).map(({ items }) => items)).toEqual([1, 1, 2]);
  });
});
