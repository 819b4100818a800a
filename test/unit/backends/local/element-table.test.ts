import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createElementTable, rangesOf } from '../../../../src/backends/batch-system/local/element-table.ts';
import { decodeEvents, encodeEvent, type ElementEvent } from '../../../../src/backends/batch-system/local/events.ts';
import { parseSnapshot, snapshotOf, tableOf } from '../../../../src/backends/batch-system/local/snapshot.ts';

const COUNT = 6;
const index = fc.nat(COUNT - 1);
const anEvent: fc.Arbitrary<ElementEvent> = fc.oneof(
  index.map((i): ElementEvent => ({ e: 'start', t: 1, i, restart: 0 })),
  index.map((i): ElementEvent => ({ e: 'pid', i, pid: 42, process: 'h:42:1-b-n' })),
  index.map((i): ElementEvent => ({ e: 'kill', t: 1, i, why: 'cancel' })),
  index.map((i): ElementEvent => ({ e: 'requeue', t: 1, i, why: 'NodeFail' })),
  fc
    .record({
      i: index,
      width: fc.nat(COUNT),
      how: fc.constantFrom('COMPLETED' as const, 'FAILED' as const, 'TIMEOUT' as const),
      exit: fc.option(fc.nat(255), { nil: undefined }),
      note: fc.option(fc.string(), { nil: undefined }),
    })
    .map(({ i, width, how, exit, note }): ElementEvent => ({
      e: 'end',
      t: 1,
      i,
      to: i + width,
      how,
      ...(exit === undefined ? {} : { exit }),
      ...(note === undefined ? {} : { note }),
    })),
);
const replay = (events: readonly ElementEvent[]) => {
  const table = createElementTable(COUNT);
  for (const event of events) table.apply(event);
  return table;
};
const indices = Array.from({ length: COUNT }, (_, i) => i);

describe('element table', () => {
  it('keeps its counts in step with its elements, whatever the order of events', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 40 }), (events) => {
        const table = replay(events);
        const phases = indices.map((i) => table.get(i).phase);
        expect([...table.running].toSorted((a, b) => a - b)).toEqual(indices.filter((i) => phases[i] === 'running'));
        expect(table.ended).toBe(phases.every((phase) => phase === 'ended'));
        const waiting = indices.filter((i) => phases[i] === 'waiting');
        expect(table.waitingRanges()).toEqual(rangesOf(waiting));
        const next = table.nextWaiting();
        expect(next === null ? waiting : phases[next]).toEqual(next === null ? [] : 'waiting');
      }),
    );
  });

  it('never takes an element out of its end', () => {
    fc.assert(
      fc.property(fc.array(anEvent), index, (events, i) => {
        const table = replay([{ e: 'end', t: 1, i, how: 'COMPLETED', exit: 0 }, ...events]);
        expect(table.get(i)).toMatchObject({ phase: 'ended', how: 'COMPLETED', exit: 0 });
      }),
    );
  });

  it('says the same after a journal round trip, also with broken and unfinished lines', () => {
    fc.assert(
      fc.property(fc.array(anEvent), fc.nat(), (events, cut) => {
        const lines = events.map(encodeEvent);
        const torn = '{"e":"end","i":';
        lines.splice(events.length === 0 ? 0 : cut % events.length, 0, `${torn}\n`);
        expect(decodeEvents(lines.join(''))).toEqual(events);
        expect(decodeEvents(`null\n42\n"e"\n${lines.join('')}`)).toEqual(events);
      }),
    );
  });

  it('says the same after the round trip through a snapshot', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 40 }), (events) => {
        const table = replay([...events, { e: 'end', t: 1, i: 0, to: COUNT - 1, how: 'CANCELLED' }]);
        const again = tableOf(parseSnapshot(JSON.stringify(snapshotOf(table, 5)))!);
        expect(again.ended).toBe(true);
        expect(indices.map((i) => again.get(i))).toEqual(indices.map((i) => table.get(i)));
      }),
    );
  });

  it('keeps a long array of equal ends small', () => {
    const table = createElementTable(100_000);
    table.apply({ e: 'end', t: 1, i: 0, to: 99_999, how: 'CANCELLED' });
    expect(JSON.stringify(snapshotOf(table, 5)).length).toBeLessThan(200);
  });

  it('starts requeued elements first, with one restart more', () => {
    const table = createElementTable(3);
    table.apply({ e: 'start', t: 1, i: 0, restart: 0 });
    expect(table.nextWaiting()).toBe(1);
    table.apply({ e: 'requeue', t: 1, i: 0, why: 'NodeFail' });
    expect(table.nextWaiting()).toBe(0);
    expect(table.get(0)).toMatchObject({ phase: 'waiting', restarts: 1 });
  });

  it('refuses a snapshot of what has not ended, and reads nothing from what is no snapshot', () => {
    expect(() => snapshotOf(createElementTable(1), 5)).toThrow('has not ended');
    for (const text of ['', 'null', '[]', '{"version":2,"runs":[]}', '{"version":1}'])
      expect(parseSnapshot(text)).toBe(null);
  });

  it('takes a throttle of 0 as none', () => {
    const table = createElementTable(3, 1);
    table.apply({ e: 'throttle', most: 2 });
    expect(table.throttle).toBe(2);
    table.apply({ e: 'throttle', most: 0 });
    expect(table.throttle).toBe(Infinity);
  });
});
