import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { StateKey } from '../../src/domain/state-keys.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import type { StateItem, StateTable, WriteResult } from '../../src/ports/state-table.ts';

export interface OpenedTable {
  readonly table: StateTable;
  /** Another handle to the same items, as another host has it. */
  readonly other: StateTable;
  readonly close: () => Promise<void> | void;
}

const at = (sort: string, partition = 'J#demo-7k3f9q2m'): StateKey => ({ partition, sort });
const ABSENT = { op: 'item-absent' } as const;
const PRESENT = { op: 'item-present' } as const;
async function all(
  table: StateTable,
  partition: string,
  prefix?: string,
): Promise<{ readonly sort: string; readonly item: StateItem }[]> {
  const items = [];
  for await (const entry of table.query(partition, prefix)) items.push(entry);
  return items;
}

/** Writes that compete: who was told what. With lost answers some are uncertain, without they never are. */
async function compete(writes: readonly Promise<WriteResult>[]) {
  const applied: number[] = [];
  const uncertain: number[] = [];
  const refused: (StateItem | null)[] = [];
  for (const [owner, result] of (await Promise.allSettled(writes)).entries()) {
    if (result.status === 'rejected') {
      if (!isAppError(result.reason, 'STATE_UNCERTAIN')) throw result.reason;
      uncertain.push(owner);
    } else if (result.value.applied) applied.push(owner);
    else refused.push(result.value.current);
  }
  return { applied, uncertain, refused };
}

/** What every state table driver promises. `answersGetLost`: it is reached through a network that loses some of them. */
export function describeStateTable(
  name: string,
  open: () => Promise<OpenedTable> | OpenedTable,
  { answersGetLost = false }: { readonly answersGetLost?: boolean } = {},
): void {
  const expectCertain = ({ uncertain }: { readonly uncertain: readonly number[] }): void => {
    if (!answersGetLost) expect(uncertain).toEqual([]);
  };
  describe(`state table contract: ${name}`, () => {
    let opened: OpenedTable;
    let table: StateTable;
    let other: StateTable;
    beforeEach(async () => {
      opened = await open();
      ({ table, other } = opened);
    });
    afterEach(() => opened.close());

    it('creates, changes and reads an item', async () => {
      expect(await table.get(at('META'))).toBeNull();
      const created = await table.write(
        at('META'),
        { set: { state: 'RUNNING', n: 1, deep: { a: [1, null, true] } } },
        ABSENT,
      );
      expect(created).toEqual({ applied: true, item: { state: 'RUNNING', n: 1, deep: { a: [1, null, true] } } });
      const changed = await other.write(
        at('META'),
        { set: { 'deep.b': 'ü' }, add: { n: 2, fresh: 5 }, remove: ['state', 'never'] },
        { op: 'equals', path: 'n', value: 1 },
      );
      const expected = { n: 3, fresh: 5, deep: { a: [1, null, true], b: 'ü' } };
      expect(changed).toEqual({ applied: true, item: expected });
      expect(await table.get(at('META'))).toEqual(expected);
    });

    it('knows one zero', async () => {
      const key = { partition: 'zero', sort: 'z' };
      await table.write(key, { set: { n: -0, deep: { list: [-0] } } }, { op: 'item-absent' });
      expect(await table.get(key)).toStrictEqual({ n: 0, deep: { list: [0] } });
      const refused = await table.write(key, {}, { op: 'less', path: 'n', value: -0 });
      expect(refused).toStrictEqual({ applied: false, current: { n: 0, deep: { list: [0] } } });
    });

    it('refuses with the item as it is', async () => {
      expect(await table.write(at('X'), { set: { a: 1 } }, PRESENT)).toEqual({ applied: false, current: null });
      await table.write(at('X'), { set: { a: 1 } }, ABSENT);
      expect(await other.write(at('X'), { set: { a: 2 } }, ABSENT)).toEqual({ applied: false, current: { a: 1 } });
      expect(await other.get(at('X'))).toEqual({ a: 1 });
    });

    it('creates with any condition that holds for an absent item', async () => {
      const when = { op: 'or', of: [ABSENT, { op: 'less', path: 'fence', value: 5 }] } as const;
      expect(await table.write(at('LOCK', 'L#tick'), { add: { fence: 1 } }, when)).toEqual({
        applied: true,
        item: { fence: 1 },
      });
      expect(await table.write(at('LOCK', 'L#tick'), { add: { fence: 1 } }, when)).toEqual({
        applied: true,
        item: { fence: 2 },
      });
    });

    it('lets exactly one of many creators win', async () => {
      const results = await compete(
        Array.from({ length: 12 }, (_, owner) =>
          (owner % 2 ? table : other).write(at('one'), { set: { owner } }, ABSENT),
        ),
      );
      expectCertain(results);
      const owner = Number((await table.get(at('one')))?.['owner']);
      if (results.applied.length > 0) expect(results.applied).toEqual([owner]);
      else expect(results.uncertain).toContain(owner);
      for (const current of results.refused) expect(current).toEqual({ owner });
    });

    it('loses no increment of many at once', async () => {
      await table.write(at('count'), { set: { n: 0 } }, ABSENT);
      const results = await compete(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 ? table : other).write(at('count'), { add: { n: 1 } }, PRESENT),
        ),
      );
      expectCertain(results);
      expect(results.refused).toEqual([]);
      const counted = Number((await table.get(at('count')))?.['n']);
      expect(counted).toBeGreaterThanOrEqual(results.applied.length);
      expect(counted).toBeLessThanOrEqual(40);
    });

    it('sells disjoint ranges of one item to many buyers at once, with a write that may be repeated', async () => {
      const [buyers, purchases, size] = [8, 5, 10];
      await table.write(at('line'), { set: { t: 0, n: 0 } }, ABSENT);
      const buy = (handle: StateTable, buyer: number) =>
        handle.write(
          at('line'),
          { add: { t: size, n: 1, [`b${buyer}`]: 1 } },
          { op: 'between', path: 't', low: 0, high: 1_000_000 },
          { repeatable: true },
        );
      const ends: number[] = [];
      await Promise.all(
        Array.from({ length: buyers }, async (_, buyer) => {
          for (let count = 0; count < purchases; count += 1) {
            const result = await buy(buyer % 2 ? table : other, buyer);
            if (!result.applied) throw new Error(`buyer ${buyer} was refused`);
            ends.push(Number(result.item['t']));
          }
        }),
      );
      // Nobody was told of a range that somebody else has, and every range that somebody was told of is part of the line.
      expect(new Set(ends).size).toBe(buyers * purchases);
      const line = (await other.get(at('line'))) ?? {};
      const sold = Number(line['n']);
      expect(line['t']).toBe(sold * size);
      expect(Math.max(...ends)).toBeLessThanOrEqual(sold * size);
      for (let buyer = 0; buyer < buyers; buyer += 1) expect(line[`b${buyer}`]).toBeGreaterThanOrEqual(purchases);
      if (!answersGetLost) expect(sold).toBe(buyers * purchases);
    });

    it('refuses a repeatable write by its condition, with the item as it is, and creates with it', async () => {
      const free = { op: 'or', of: [ABSENT, { op: 'less', path: 't', value: 5 }] } as const;
      const write = (t: number) => table.write(at('idle'), { set: { t } }, free, { repeatable: true });
      expect(await write(3)).toEqual({ applied: true, item: { t: 3 } });
      expect(await write(7)).toEqual({ applied: true, item: { t: 7 } });
      expect(await other.write(at('idle'), { set: { t: 9 } }, free, { repeatable: true })).toEqual({
        applied: false,
        current: { t: 7 },
      });
      expect(
        await table.write(at('none'), { set: { t: 1 } }, { op: 'present', path: 't' }, { repeatable: true }),
      ).toEqual({ applied: false, current: null });
      const never = { op: 'in', path: 't', values: [] } as const;
      expect(await table.write(at('idle'), {}, never, { repeatable: true })).toEqual({
        applied: false,
        current: { t: 7 },
      });
      const always = { op: 'not', of: never } as const;
      expect(await other.write(at('idle'), { add: { t: 1 } }, always, { repeatable: true })).toEqual({
        applied: true,
        item: { t: 8 },
      });
    });

    it('keeps the promise of other writes on an item that is written repeatably meanwhile', async () => {
      await table.write(at('mixed'), { set: { n: 0, r: 0 } }, ABSENT);
      const results = await compete(
        Array.from({ length: 30 }, (_, index) =>
          index % 3 === 0
            ? (index % 2 ? table : other).write(at('mixed'), { add: { r: 1 } }, PRESENT, { repeatable: true })
            : (index % 2 ? table : other).write(at('mixed'), { add: { n: 1 } }, PRESENT),
        ),
      );
      expectCertain(results);
      const item = await table.get(at('mixed'));
      const plain = results.applied.filter((index) => index % 3 !== 0).length;
      expect(item?.['n']).toBeGreaterThanOrEqual(plain);
      expect(item?.['n']).toBeLessThanOrEqual(20);
      expect(item?.['r']).toBeGreaterThanOrEqual(10);
      if (!answersGetLost) expect(item).toEqual({ n: 20, r: 10 });
    });

    it('applies one of several writes whose conditions exclude each other', async () => {
      await table.write(at('task'), { set: { state: 'PENDING' } }, ABSENT);
      const claims = await compete(
        Array.from({ length: 10 }, (_, owner) =>
          (owner % 2 ? table : other).write(
            at('task'),
            { set: { state: 'RUNNING', owner } },
            { op: 'equals', path: 'state', value: 'PENDING' },
          ),
        ),
      );
      expectCertain(claims);
      const owner = Number((await table.get(at('task')))?.['owner']);
      if (claims.applied.length > 0) expect(claims.applied).toEqual([owner]);
      else expect(claims.uncertain).toContain(owner);
    });

    it('queries a partition by prefix in byte order of the sort key', async () => {
      const sorts = [
        'b',
        'a',
        'SUB#2',
        'SUB#10',
        'SUB',
        'SUB#',
        '\u{1f600}',
        '\uffee',
        'ä',
        'a/b',
        'a b',
        '..',
        '.',
        'x'.repeat(400),
        '%41',
      ];
      for (const sort of sorts) await table.write(at(sort), { set: { sort } }, ABSENT);
      await table.write(at('a', 'J#other-7k3f9q2m'), { set: { sort: 'elsewhere' } }, ABSENT);
      const sorted = sorts.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      expect(await all(other, 'J#demo-7k3f9q2m')).toEqual(sorted.map((sort) => ({ sort, item: { sort } })));
      const subs = await all(other, 'J#demo-7k3f9q2m', 'SUB#');
      expect(subs.map(({ sort }) => sort)).toEqual(['SUB#', 'SUB#10', 'SUB#2']);
      expect(await all(other, 'J#demo-7k3f9q2m', 'nothing')).toEqual([]);
      expect(await all(other, 'no such partition')).toEqual([]);
      for (const sort of sorts) expect(await other.get(at(sort))).toEqual({ sort });
    });

    it('keeps apart partitions whose names look alike', async () => {
      const names = ['J#a', 'J#a#T#0', 'J/a', 'j#a', 'J%23a', 'p'.repeat(300), 'p'.repeat(301), '../up'];
      for (const name of names) await table.write(at('k', name), { set: { name } }, ABSENT);
      for (const name of names) expect(await all(other, name)).toEqual([{ sort: 'k', item: { name } }]);
    });

    it('shows every older item to a query while items change', async () => {
      await table.createMany(
        Array.from({ length: 100 }, (_, n) => ({ key: at(String(n).padStart(3, '0')), item: { n, v: 0 } })),
      );
      let stop = false;
      const churn = (async () => {
        for (let n = 0; !stop; n = (n + 1) % 100)
          await table.write(at(String(n).padStart(3, '0')), { add: { v: 1 } }, PRESENT);
      })();
      for (let round = 0; round < 10; round += 1) {
        const items = await all(other, 'J#demo-7k3f9q2m');
        expect(items.map(({ item }) => item['n'])).toEqual(Array.from({ length: 100 }, (_, n) => n));
      }
      stop = true;
      await churn;
    });

    it('creates many, leaves those that exist alone, and can be repeated', async () => {
      const items = Array.from({ length: 300 }, (_, n) => ({ key: at(`t${n}`, `J#demo#T#${n % 3}`), item: { n } }));
      await table.write(at('t7', 'J#demo#T#1'), { set: { n: 'mine' } }, ABSENT);
      expect(await table.createMany(items)).toBe(299);
      expect(await other.get(at('t7', 'J#demo#T#1'))).toEqual({ n: 'mine' });
      expect(await other.createMany(items)).toBe(0);
      const [one, two] = await Promise.all([
        table.createMany(items.map(({ key, item }) => ({ key: { ...key, partition: 'twice' }, item }))),
        other.createMany(items.map(({ key, item }) => ({ key: { ...key, partition: 'twice' }, item }))),
      ]);
      expect(one + two).toBe(300);
      expect(await all(other, 'twice')).toHaveLength(300);
      async function* lazily() {
        for (const { item } of items) yield { key: at(`a${item.n}`, 'lazy'), item };
      }
      expect(await table.createMany(lazily())).toBe(300);
    });

    it('deletes items, which can come again', async () => {
      await table.deleteItem(at('gone'));
      await table.write(at('gone'), { set: { a: 1, b: 1 } }, ABSENT);
      await other.deleteItem(at('gone'));
      await other.deleteItem(at('gone'));
      expect(await table.get(at('gone'))).toBeNull();
      expect(await all(table, 'J#demo-7k3f9q2m')).toEqual([]);
      expect(await table.write(at('gone'), { set: { a: 2 } }, PRESENT)).toEqual({ applied: false, current: null });
      expect(await table.write(at('gone'), { set: { a: 2 } }, ABSENT)).toEqual({ applied: true, item: { a: 2 } });
      await table.deleteItem(at('gone'));
      expect(await table.createMany([{ key: at('gone'), item: { a: 3 } }])).toBe(1);
      expect(await other.get(at('gone'))).toEqual({ a: 3 });
    });

    it('deletes a partition and no other', async () => {
      await table.createMany(
        ['J#x', 'J#x#T#0', 'J#xy'].map((partition) => ({ key: at('k', partition), item: { partition } })),
      );
      await table.deletePartition('J#x');
      await table.deletePartition('J#x');
      expect(await all(other, 'J#x')).toEqual([]);
      expect(await other.get(at('k', 'J#x'))).toBeNull();
      expect(await all(other, 'J#x#T#0')).toHaveLength(1);
      expect(await all(other, 'J#xy')).toHaveLength(1);
      expect((await table.write(at('k', 'J#x'), { set: { n: 1 } }, ABSENT)).applied).toBe(true);
    });

    it('tells the time of where the items are, with its error', async () => {
      for (const handle of [table, other]) {
        const { sharedTime } = handle;
        if (sharedTime === undefined) throw new Error('a driver without a time');
        await sharedTime.sharpen();
        // Later answers are looked at as well.
        for (let n = 0; n < 3; n += 1) await compete([handle.write(at('any'), { set: { n } }, ABSENT)]);
        const before = Date.now();
        const moment = sharedTime.now();
        const after = Date.now() + 1;
        if (moment === 'unsure') throw new Error('unsure');
        expect(moment.errorMs).toBeLessThanOrEqual(300);
        // What keeps the items runs on this machine and has its clock.
        expect(moment.nowMs + moment.errorMs).toBeGreaterThanOrEqual(before);
        expect(moment.nowMs - moment.errorMs).toBeLessThanOrEqual(after);
      }
    });

    it('treats wrong use as a bug, and changes nothing', async () => {
      await table.write(at('x'), { set: { a: 1, s: 'text' } }, ABSENT);
      const wrong = [
        { set: { 'none.b': 1 } },
        { set: { a: 1 }, add: { a: 1 } },
        { set: { a: {} }, remove: ['a.b'] },
        { add: { s: 1 } },
        { set: { a: Number.NaN } },
      ];
      for (const change of wrong)
        await expect(table.write(at('x'), change, PRESENT)).rejects.not.toHaveProperty('code');
      await expect(table.get(at(''))).rejects.toThrow('cannot be a key');
      expect(await table.get(at('x'))).toEqual({ a: 1, s: 'text' });
    });
  });
}
