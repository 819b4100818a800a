import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readOutboxItem } from '../../../../src/observe/alerts/outbox-entry.ts';
import { outboxItem } from './outbox-item.fixture.ts';

it('reads what this version writes', () => {
  for (const item of [outboxItem(), outboxItem({ kind: 'hook', argv: ['./a.sh'], cwd: '/work', state: 'given-up' })])
    expect(readOutboxItem(item)).toEqual(item);
});

it('reads nothing else: no field may be missing or of another kind', () => {
  const item = outboxItem({ argv: ['./a.sh'], cwd: '/work' });
  const places: Record<string, unknown>[] = [
    { ...item },
    { ...item.event },
    { ...item.event.job },
    { ...item.event.items },
  ];
  const rebuilt = (at: number, part: unknown): unknown => {
    const event = { ...item.event, ...(at === 2 ? { job: part } : {}), ...(at === 3 ? { items: part } : {}) };
    return at === 0 ? part : { ...item, event: at === 1 ? part : event };
  };
  for (const [at, place] of places.entries())
    for (const name of Object.keys(place).filter((key) => key !== 'schema')) {
      expect(readOutboxItem(rebuilt(at, { ...place, [name]: null })), name).toBeNull();
      const { [name]: _, ...rest } = place;
      if (name !== 'argv' && name !== 'cwd') expect(readOutboxItem(rebuilt(at, rest)), name).toBeNull();
    }
  expect(readOutboxItem({ ...item, createdMs: Number.NaN })).toBeNull();
  expect(readOutboxItem({ ...item, argv: ['a', 1] })).toBeNull();
  expect(readOutboxItem({ ...item, state: 'constructor' })).toBeNull();
});

it('throws for nothing that may lie there', () => {
  fc.assert(fc.property(fc.anything(), (found) => readOutboxItem(found) === null));
});
