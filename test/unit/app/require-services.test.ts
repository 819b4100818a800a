import { describe, expect, test } from 'vitest';
import { requireServices } from '../../../src/app/require-services.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { RetryQueue } from '../../../src/ports/retry-queue.ts';
import type { StateTable } from '../../../src/ports/state-table.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const URLS = { store: 's3://bucket/p?endpoint=http://127.0.0.1:9', state: 'dynamodb://table', queue: 'sqs://hints' };
const never = (): Promise<never> => new Promise(() => undefined);

function services(silent: readonly ('store' | 'state' | 'queue')[]) {
  const clock = createManualClock();
  const asked: string[] = [];
  const answer = async (name: 'store' | 'state' | 'queue'): Promise<null> => {
    asked.push(name);
    return silent.includes(name) ? never() : null;
  };
  const store = {
    async *list() {
      await answer('store');
      yield* [];
    },
  } as unknown as ObjectStore;
  const state = { get: () => answer('state') } as unknown as StateTable;
  const queue = { depth: () => answer('queue') } as unknown as RetryQueue;
  return { clock, asked, deps: { store, state, queue, clock } };
}

describe('before a job is stored', () => {
  test('every service is asked, and no clock goes on running', async () => {
    const { deps, asked, clock } = services([]);
    await requireServices(deps, URLS);
    expect(asked.toSorted()).toEqual(['queue', 'state', 'store']);
    expect(clock.pending()).toBe(0);
  });

  test('directories are not asked', async () => {
    const { deps, asked } = services(['store', 'queue']);
    await requireServices(deps, { store: 'file:///a', state: 'dynamodb://table', queue: 'file:///b' });
    expect(asked).toEqual(['state']);
  });

  test.each([
    ['store', 'STORE_UNAVAILABLE', 's3://bucket/p at http://127.0.0.1:9 did not answer within 10 s'],
    ['state', 'STATE_UNAVAILABLE', 'dynamodb://table at AWS did not answer within 10 s'],
    ['queue', 'QUEUE_UNAVAILABLE', 'sqs://hints at AWS did not answer within 10 s'],
  ] as const)('a silent %s is given up after seconds', async (name, code, message) => {
    const { deps, clock } = services([name]);
    const refused = expect(requireServices(deps, URLS)).rejects.toMatchObject({
      code,
      message,
      hint: expect.stringContaining('nothing was stored'),
    });
    await clock.advance(10_000);
    await refused;
  });
});
