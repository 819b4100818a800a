import { expect, it } from 'vitest';

import { writeRepeatably } from '../../../../src/backends/state-table/dynamodb-repeatable.ts';
import type { DynamoRequests, UpdateExpressions } from '../../../../src/backends/state-table/dynamodb-requests.ts';
import { createSeenVersions } from '../../../../src/backends/state-table/dynamodb-version.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { createSeededIds, createSeededRandom } from '../../../support/seeded-random.ts';

const KEY = { partition: 'p', sort: 's' };

it('gives each try of a repeatable write a nonce of its own, so that no version of an item comes twice', async () => {
  const sent: UpdateExpressions[] = [];
  const requests = {
    async updateAgain(_key: unknown, next: () => UpdateExpressions) {
      sent.push(next(), next(), next());
      return { applied: true, attributes: { n: { N: '1' } } } as const;
    },
  } as unknown as DynamoRequests;
  const table = {
    requests,
    seen: createSeenVersions(),
    clock: createManualClock(),
    random: createSeededRandom(1),
    ids: createSeededIds(1),
  };
  await writeRepeatably(table, { key: KEY, change: { add: { n: 1 } }, when: { op: 'item-present' } });
  const nonces = sent.map(({ placeholders }) => placeholders.values[':0']?.S);
  expect(new Set(nonces).size).toBe(3);
  expect(sent.map(({ condition }) => condition)).toEqual(Array(3).fill('attribute_exists(#2)'));
});
