/** Many items at a time: queries page by page, creations and deletions with a bounded number in flight. */

import { forEachAtOnce } from '../shared/for-each-at-once.ts';
import type { NewItem, StateItem } from '../../ports/state-table.ts';
import { type Attributes, decodeItem, encodeItem, SORT_KEY } from './dynamodb-attributes.ts';
import type { DynamoRequests } from './dynamodb-requests.ts';
import { versionOf } from './dynamodb-version.ts';
import { type DynamoTable, NONCE_LENGTH } from './dynamodb-write.ts';

const CREATIONS_AT_ONCE = 48;
const BATCHES_AT_ONCE = 4;
/** What one BatchWriteItem takes. */
const BATCH = 25;

/** Items of a partition in byte order of the sort key; a page is fetched when its first item is asked for. */
export async function* queryItems(
  { requests, seen }: DynamoTable,
  partition: string,
  prefix: string,
): AsyncGenerator<{ sort: string; item: StateItem }> {
  for await (const attributes of eachOf(requests, partition, { prefix })) {
    const sort = sortOf(attributes);
    seen.set({ partition, sort }, versionOf(attributes));
    yield { sort, item: decodeItem(attributes) };
  }
}

async function* eachOf(
  requests: DynamoRequests,
  partition: string,
  options: { readonly prefix: string; readonly keysOnly?: boolean },
): AsyncGenerator<Attributes> {
  let from: Attributes | undefined;
  do {
    const page = await requests.query(partition, { ...options, from });
    yield* page.items;
    from = page.next;
  } while (from !== undefined);
}

const sortOf = (attributes: Attributes): string => attributes[SORT_KEY]?.S ?? '';

/**
 * A conditional PutItem each, so that a task that was claimed meanwhile is left alone: BatchWriteItem takes no conditions and would put the
 * new item in its place. An item that a lost try of this call created counts as created, unless somebody has changed it since.
 */
export async function createItems(
  { requests, ids }: DynamoTable,
  items: AsyncIterable<NewItem> | Iterable<NewItem>,
): Promise<number> {
  let created = 0;
  let looked: Promise<unknown> | null = null;
  await forEachAtOnce(items, CREATIONS_AT_ONCE, async ({ key, item }) => {
    // A table whose only key is `pk` takes every PutItem, and keeps one item of a partition. A read it refuses.
    await (looked ??= requests.get(key));
    const nonce = ids.token(NONCE_LENGTH);
    const answer = await requests.create(encodeItem(key, item, nonce));
    const old = answer.applied || answer.old !== null || answer.tries === 1 ? null : await requests.get(key);
    if (answer.applied || versionOf(answer.old ?? old) === nonce) created += 1;
  });
  return created;
}

/** Every key of the partition, 25 a request. */
export async function deleteItems({ requests, seen }: DynamoTable, partition: string): Promise<void> {
  await forEachAtOnce(batchesOf(requests, partition), BATCHES_AT_ONCE, async (sorts) => {
    const keys = sorts.map((sort) => ({ partition, sort }));
    await requests.deleteBatch(keys);
    for (const key of keys) seen.forget(key);
  });
}

async function* batchesOf(requests: DynamoRequests, partition: string): AsyncGenerator<string[]> {
  let batch: string[] = [];
  for await (const attributes of eachOf(requests, partition, { prefix: '', keysOnly: true })) {
    batch.push(sortOf(attributes));
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
