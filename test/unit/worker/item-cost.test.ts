import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobLimit } from '../../../src/domain/limit.ts';
import { itemCost } from '../../../src/worker/item-cost.ts';

const limit = (cost: JobLimit['cost']): JobLimit => ({ name: 'api', cost, per: 'item', source: 'job.yaml:3:4' });

describe('the cost of an item', () => {
  it('is numbers of the job file and of the item', () => {
    const cost = limit({ requests: 2, tokens: ['usage', 'in'], images: ['n'] });
    expect(itemCost(cost, { usage: { in: 0 }, n: '12' })).toEqual({ requests: 2, tokens: 0, images: 12 });
    expect(itemCost(limit({}), null)).toEqual({});
  });

  it.each([
    [{}, 'the item has no payload.a.b'],
    [null, 'the item has no payload.a.b'],
    ['text', 'the item has no payload.a.b'],
    [{ a: { b: null } }, 'payload.a.b is null'],
    [{ a: { b: 1.5 } }, 'payload.a.b is 1.5'],
    [{ a: { b: -1 } }, 'payload.a.b is -1'],
    [{ a: { b: '' } }, 'payload.a.b is ""'],
    [{ a: { b: '9007199254740993' } }, 'payload.a.b is "9007199254740993"'],
    [{ a: { b: [1] } }, 'payload.a.b is [1]'],
    [{ a: Object.create({ b: 1 }) as unknown }, 'the item has no payload.a.b'],
  ])('is not found in %j, and that says where', (payload, found) => {
    expect(itemCost(limit({ tokens: ['a', 'b'] }), payload)).toEqual({
      problem: `${found}, expected a whole number of at least 0: the cost in tokens of limit api (job.yaml:3:4)`,
    });
  });

  it('is whole or a short problem, whatever the item is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const cost = itemCost(limit({ tokens: ['a'] }), { a: value });
        if ('problem' in cost) expect(String(cost['problem']).length).toBeLessThan(250);
        else expect(Number.isSafeInteger(cost['tokens']) && (cost['tokens'] as number) >= 0).toBe(true);
      }),
    );
  });
});
