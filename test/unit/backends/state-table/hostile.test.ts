import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createSystemClock } from '../../../../src/backends/clock.ts';
import { createFsStateTable } from '../../../../src/backends/state-table/fs.ts';
import type { StateTable } from '../../../../src/ports/state-table.ts';
import { hostileStateTable } from '../../../support/hostile.ts';
import { createSeededIds, createSeededRandom } from '../../../support/seeded-random.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const KEY = { partition: 'J#demo', sort: 'META' };

describe('a hostile state table', () => {
  let dir: ReturnType<typeof makeTempDir>;
  let table: StateTable;
  beforeEach(() => {
    dir = makeTempDir('hostile');
    table = createFsStateTable({ root: dir.path, ids: createSeededIds(1), clock: createSystemClock(), fsync: false });
  });
  afterEach(() => dir.remove());

  it('throttles before a write and loses answers after it, as often as it is told', async () => {
    await table.write(KEY, { set: { n: 0 } }, { op: 'item-absent' });
    const rates = { throttle: 0.2, loseAnswer: 0.3, delay: 0.1 };
    const hostile = hostileStateTable(table, { random: createSeededRandom(5), rates });
    const outcomes = new Map<string, number>();
    for (let n = 0; n < 200; n += 1) {
      const outcome = await hostile.write(KEY, { add: { n: 1 } }, { op: 'item-present' }).then(
        () => 'applied',
        (error: unknown) => (error as { code: string }).code,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    const throttled = outcomes.get('STATE_UNAVAILABLE') ?? 0;
    expect(throttled).toBeGreaterThan(20);
    expect(outcomes.get('STATE_UNCERTAIN')).toBeGreaterThan(20);
    expect(await table.get(KEY)).toEqual({ n: 200 - throttled });
  });

  it('applies a write twice only when that was declared harmless', async () => {
    await table.write(KEY, { set: { n: 0, r: 0 } }, { op: 'item-absent' });
    const hostile = hostileStateTable(table, { random: createSeededRandom(6), rates: { repeat: 0.3 } });
    for (let n = 0; n < 100; n += 1) {
      await hostile.write(KEY, { add: { n: 1 } }, { op: 'item-present' });
      await hostile.write(KEY, { add: { r: 1 } }, { op: 'item-present' }, { repeatable: true });
    }
    const item = await table.get(KEY);
    expect(item?.['n']).toBe(100);
    expect(item?.['r']).toBeGreaterThan(110);
  });
});
