import { formatBackendUrl } from '../../domain/backend-url.ts';
import type { StateKey } from '../../domain/state-keys.ts';
import type { StateTable } from '../../ports/state-table.ts';
import { DATE_STEP_MS, type DatedAnswer } from '../shared/aws/answer-dates.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { createTimeKeeper } from '../shared/shared-time.ts';
import { decodeItem } from './dynamodb-attributes.ts';
import { createItems, deleteItems, queryItems } from './dynamodb-bulk.ts';
import { type DynamoBackend, openDynamoClient } from './dynamodb-client.ts';
import { createDynamoRequests } from './dynamodb-requests.ts';
import { createSeenVersions, versionOf } from './dynamodb-version.ts';
import { writeRepeatably } from './dynamodb-repeatable.ts';
import { type DynamoTable, writeItem } from './dynamodb-write.ts';

/** Read for the date of the answer; nobody writes it. */
const NO_ITEM: StateKey = { partition: 'TIME', sort: 'NOW' };

/**
 * State items in a DynamoDB table, or in anything that speaks its protocol. Keys `pk` and `sk`, both strings; `_w` is the nonce of the write
 * that made the item what it is; `ttl` is kept free. No index, no transaction, no counter.
 *
 * Why no write is applied twice. Each try of a write carries, beside the caller's condition, a guard: `_w` is still the nonce of the version
 * last seen (or: there is no item). Applying the try puts the write's own nonce there. No nonce comes twice, so a version is replaced once in
 * the life of the table, and of all tries with the same guard at most one is applied, whenever they arrive: a first try that was held up
 * somewhere and arrives after the second, or after the answer, finds its version gone and is refused. That holds for `add` as for `set`, so
 * a lost try can be sent again as it was. It is a compare-and-swap, as in the fs driver. A guard of the other kind, `_w` differs from the
 * own nonce, would recognise a repetition only as long as nobody else writes in between, and a late try would be applied on top.
 *
 * What became of a try without an answer is read back, strongly consistent:
 * - the own nonce: it was applied, and the item read is the item after it;
 * - the version of the guard: not applied so far. The same try is sent again;
 * - another nonce: somebody replaced the version, or somebody replaced what this write had made of it. Nobody can tell: STATE_UNCERTAIN.
 *   So it takes a lost answer and another writer of the same item since its version was seen.
 * A refused try comes with the item that refused it. The own nonce there means that a repetition on the way was refused after the try itself
 * was applied. Another version than the guard's: the condition is evaluated on the item as it is, and the next try guards that one.
 * Two things are beyond this. An absent item has no nonce: a creation held up until after the item was created and deleted creates it again
 * (only jobs nobody works on are deleted). And where something on the way delivers a request twice within the same moment, and somebody else
 * writes the item between the two, and the answer of the second is the one that comes back, the write looks like one that lost a race.
 *
 * A write that its caller calls repeatable has no guard and is sent again after a lost answer, see dynamodb-repeatable.ts. Each of its tries has
 * a nonce of its own, so that `_w` still never has the same value twice and the writes above keep what they promise on the same item.
 *
 * The version is known from the query, read or write before, or from a condition that demands absence; otherwise it is read first. So a write
 * is one request, normally, and losing a race one more.
 *
 * Fails with STATE_MISSING, STATE_WRONG_SCHEMA, STATE_DENIED, STATE_UNAVAILABLE, STATE_UNCERTAIN and the AWS_… codes; wrong use is a plain
 * Error. The SDK is loaded by this call and nothing is sent before the first use.
 */
export async function createDynamoStateTable(options: {
  readonly backend: DynamoBackend;
  readonly context: AwsContext;
}): Promise<StateTable> {
  const { backend, context } = options;
  const { clock, random, ids } = context;
  const place = formatBackendUrl(backend);
  const time = createTimeKeeper({
    clock,
    place,
    ask: async () => {
      await requests.get(NO_ITEM);
    },
  });
  const noteDate = ({ dateMs, ...moments }: DatedAnswer): void =>
    time.note({ ...moments, stampMs: dateMs, stepMs: DATE_STEP_MS });
  const requests = createDynamoRequests(await openDynamoClient(backend, context, noteDate));
  const table: DynamoTable = { requests, seen: createSeenVersions(), clock, random, ids };
  return {
    rootUrl: place,
    sharedTime: time.sharedTime,
    async get(key) {
      const found = await requests.get(key);
      table.seen.set(key, versionOf(found));
      return found === null ? null : decodeItem(found);
    },
    query: (partition, prefix = '') => queryItems(table, partition, prefix),
    write: (key, change, when, writeOptions) =>
      (writeOptions?.repeatable === true ? writeRepeatably : writeItem)(table, { key, change, when }),
    createMany: (items) => createItems(table, items),
    deletePartition: (partition) => deleteItems(table, partition),
    async deleteItem(key) {
      table.seen.forget(key);
      await requests.delete(key);
    },
  };
}
