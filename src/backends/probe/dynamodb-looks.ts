/** What jobs need of a state table: writes on a condition, reads that see them, queries in order, batches. */

import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { DynamoProbe } from './dynamodb.ts';
import { checkListing } from './listing.ts';
import { broken, fine, type Verdict } from './verdict.ts';
import { loadDynamoDb } from '../shared/aws/load-sdk.ts';

const {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} = loadDynamoDb();

/** Names whose byte order differs from that of a dictionary. */
const SORTED = ['Q#B', 'Q#a', 'Q#a-', 'Q#a.', 'Q#b'];
const COUNTER = 'COUNTER';

const itemOf = ({ partition, expiresSec }: DynamoProbe, sort: string): Record<string, AttributeValue> => ({
  pk: { S: partition },
  sk: { S: sort },
  ttl: { N: String(expiresSec) },
});

const keyOf = ({ partition }: DynamoProbe, sort: string): Record<string, AttributeValue> => ({
  pk: { S: partition },
  sk: { S: sort },
});

/** Creates an item once, tries it again, changes it, reads it. */
export async function lookAtConditions(probe: DynamoProbe): Promise<Verdict> {
  const name = 'state conditions';
  const { client, asking, backend } = probe;
  const TableName = backend.table;
  const create = () =>
    asking.ask('PutItem', async (options) => {
      const command = new PutItemCommand({
        TableName,
        Item: { ...itemOf(probe, COUNTER), n: { N: '1' } },
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      try {
        await client.send(command, options);
        return { created: true, old: undefined };
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ConditionalCheckFailedException') throw error;
        return { created: false, old: (error as { Item?: Record<string, AttributeValue> }).Item };
      }
    });
  await create();
  const second = await create();
  if (second.created)
    return broken(
      name,
      'an item that must not exist was written over an existing one',
      'Do not keep states there: two workers could own the same task. Use a server that honours ConditionExpression',
    );
  const updated = await asking.ask('UpdateItem', (options) =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: keyOf(probe, COUNTER),
        UpdateExpression: 'SET #n = #n + :one',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeNames: { '#n': 'n' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
        ReturnValues: 'ALL_NEW',
        ReturnConsumedCapacity: 'TOTAL',
      }),
      options,
    ),
  );
  const read = await asking.ask('GetItem', (options) =>
    client.send(new GetItemCommand({ TableName, Key: keyOf(probe, COUNTER), ConsistentRead: true }), options),
  );
  const [written, seen] = [updated.Attributes?.['n']?.N, read.Item?.['n']?.N];
  if (written === undefined || seen !== written)
    return broken(
      name,
      `${written ?? 'nothing'} was written, and ${seen ?? 'nothing'} read with ConsistentRead`,
      'Do not keep states there: a commit could be overlooked. Use a server with consistent reads',
    );
  const old = second.old === undefined ? 'without the old item, which is read back instead' : 'with the old item';
  const capacity = updated.ConsumedCapacity === undefined ? 'not reported' : 'reported';
  return fine(name, `honoured; refusals come ${old}; reads see the last write; consumed capacity is ${capacity}`);
}

/** Writes a few items as a batch and reads them as a batch and as a query in pages of two. */
export async function lookAtQueries(probe: DynamoProbe): Promise<Verdict> {
  const name = 'state queries';
  const { client, asking, backend, partition } = probe;
  const TableName = backend.table;
  await writeBatch(
    probe,
    SORTED.map((sort) => ({ PutRequest: { Item: itemOf(probe, sort) } })),
  );
  const got = await asking.ask('BatchGetItem', (options) =>
    client.send(
      new BatchGetItemCommand({
        RequestItems: { [TableName]: { Keys: SORTED.map((sort) => keyOf(probe, sort)), ConsistentRead: true } },
      }),
      options,
    ),
  );
  const left = got.UnprocessedKeys?.[TableName]?.Keys?.length ?? 0;
  const count = (got.Responses?.[TableName]?.length ?? 0) + left;
  if (count !== SORTED.length)
    return broken(
      name,
      `${count} of ${SORTED.length} items came back from a batch`,
      'Use a server with consistent batches',
    );
  const found: string[] = [];
  let pages = 0;
  let start: Record<string, AttributeValue> | undefined;
  do {
    const page = await asking.ask('Query', (options) =>
      client.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :sk)',
          ExpressionAttributeValues: { ':pk': { S: partition }, ':sk': { S: 'Q#' } },
          ConsistentRead: true,
          Limit: 2,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
        options,
      ),
    );
    found.push(...(page.Items ?? []).map((item) => item['sk']?.S ?? ''));
    start = page.LastEvaluatedKey;
    pages += 1;
  } while (start !== undefined && pages <= SORTED.length);
  return checkListing(name, { expected: SORTED, found, pages });
}

/** Removes every item of the probe, by itself and in a batch. */
export async function removeItems(probe: DynamoProbe): Promise<Verdict> {
  const { client, asking, backend } = probe;
  await Promise.all([
    asking.ask('DeleteItem', (options) =>
      client.send(new DeleteItemCommand({ TableName: backend.table, Key: keyOf(probe, COUNTER) }), options),
    ),
    writeBatch(
      probe,
      SORTED.map((sort) => ({ DeleteRequest: { Key: keyOf(probe, sort) } })),
    ),
  ]);
  return fine('state removal', `${SORTED.length + 1} items`);
}

type BatchEntry =
  | { PutRequest: { Item: Record<string, AttributeValue> } }
  | { DeleteRequest: { Key: Record<string, AttributeValue> } };

/** Sends what a batch left out again, as long as there is time. */
async function writeBatch({ client, asking, backend }: DynamoProbe, entries: readonly BatchEntry[]): Promise<void> {
  let left = [...entries] as NonNullable<BatchWriteItemInput>;
  while (left.length > 0) {
    const answer = await asking.ask('BatchWriteItem', (options) =>
      client.send(new BatchWriteItemCommand({ RequestItems: { [backend.table]: left } }), options),
    );
    left = answer.UnprocessedItems?.[backend.table] ?? [];
  }
}
type BatchWriteItemInput = NonNullable<ConstructorParameters<typeof BatchWriteItemCommand>[0]['RequestItems']>[string];
