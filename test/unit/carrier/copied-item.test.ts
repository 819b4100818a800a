import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COPIES, copyWrite, firstCopy, isSameItem, seenOf } from '../../../src/carrier/copied-item.ts';
import { copiedTask, filesBehind } from '../../../src/carrier/task-files.ts';
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';

const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.record({ a: fc.integer() }));
const item = fc.dictionary(fc.constantFrom('state', 'win', 'owner', 'wave', 'x'), value) as fc.Arbitrary<StateItem>;

describe('the write of a copy', () => {
  it('makes any copy equal to any truth and counts', () => {
    fc.assert(
      fc.property(fc.option(item), fc.integer({ min: 1, max: 9 }), item, (old, copies, truth) => {
        const stored = old === null ? null : { ...old, [COPIES]: copies };
        const { change, when } = copyWrite(seenOf(stored), truth);
        expect(evaluate(when, stored)).toBe(true);
        const written = applyChange(stored, change);
        expect(isSameItem(seenOf(written), truth)).toBe(true);
        expect(written[COPIES]).toBe(old === null ? 1 : copies + 1);
        // Of two carriers that saw the same, the second is refused.
        expect(evaluate(when, written)).toBe(false);
      }),
    );
  });

  it('takes a job over that was changed by hand after it was handed over', () => {
    const { change, when } = copyWrite(seenOf({ state: 'DONE' }), { state: 'DEAD' });
    expect(evaluate(when, { state: 'DONE' })).toBe(true);
    expect(evaluate(when, null)).toBe(false);
    expect(evaluate(when, firstCopy({ state: 'DONE' }))).toBe(false);
    expect(applyChange({ state: 'DONE' }, change)).toEqual({ state: 'DEAD', [COPIES]: 1 });
  });
});

const win = { attempt: '1_0.0', sha256: 'a', rows: 1, succeeded: 1, failed: 0 };
const checkpoint = { attempt: '1_0.0', seq: 2, items: 3 };

describe('what a task points at', () => {
  it('is its batch for a new task, its winner when that changed, its checkpoint when it was given up', () => {
    const done = { state: 'DONE', win };
    expect(filesBehind(null, { state: 'PENDING' })).toEqual({ task: true, winner: null, checkpoint: null, redo: [] });
    expect(filesBehind({ state: 'RUNNING' }, done)).toEqual({ task: false, winner: win, checkpoint: null, redo: [] });
    expect(filesBehind(done, { ...done, wave: 1 })).toEqual({
      task: false,
      winner: null,
      checkpoint: null,
      redo: [],
    });
    const other = { ...win, sha256: 'b' };
    expect(filesBehind(done, { state: 'DONE', win: other }).winner).toEqual(other);
    expect(filesBehind({ state: 'RUNNING' }, { state: 'DEAD', checkpoint }).checkpoint).toEqual(checkpoint);
    expect(filesBehind({ state: 'DEAD', checkpoint }, { state: 'DEAD', checkpoint }).checkpoint).toBeNull();
    const redone = { state: 'DEAD', generation: 2, redo: true };
    expect(filesBehind({ state: 'RUNNING', generation: 2, redo: true }, redone).redo).toEqual([2]);
    expect(filesBehind(redone, { ...redone, wave: 1 }).redo).toEqual([]);
    expect(filesBehind(redone, { ...redone, state: 'PENDING' }).redo).toEqual([]);
    expect(filesBehind(redone, { ...redone, state: 'CANCELLED', generation: 3 }).redo).toEqual([2, 3]);
    // Also of a retry that went well, and of those between two carries.
    const well = { ...redone, state: 'DONE', win, generation: 3 };
    expect(filesBehind({ state: 'DONE', generation: 0, win }, well).redo).toEqual([1, 2, 3]);
    expect(filesBehind(null, well).redo).toEqual([1, 2, 3]);
    expect(filesBehind(well, { ...well, wave: 1 }).redo).toEqual([]);
  });

  it('leaves the checkpoint of a task that may still run to the spool', () => {
    for (const state of ['PENDING', 'RUNNING', 'WAIT']) expect(copiedTask({ state, checkpoint })).toEqual({ state });
    for (const state of ['DEAD', 'CANCELLED']) expect(copiedTask({ state, checkpoint })).toEqual({ state, checkpoint });
  });
});
