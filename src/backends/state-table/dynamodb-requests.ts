/** The requests of the DynamoDB driver, each with what may be repeated. */

import type { StateKey } from '../../domain/state-keys.ts';
import { isAppError } from '../../errors/app-error.ts';
import { AmbiguousWrite } from '../shared/aws/call.ts';
import { awsFailure } from '../shared/aws/failure.ts';
import { type Attributes, checkedKey, encodeKey, PARTITION_KEY, SORT_KEY } from './dynamodb-attributes.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import type { Placeholders } from './dynamodb-expression.ts';

/** Answer to a conditional write: the item after it, or that the condition did not hold. */
export type ConditionalAnswer =
  | { readonly applied: true; readonly attributes: Attributes }
  /** `old`: the item that the condition did not hold for; null when there is none, or the server does not say. */
  | { readonly applied: false; readonly old: Attributes | null };

interface Page {
  readonly items: readonly Attributes[];
  /** Where the next page starts; undefined after the last. */
  readonly next: Attributes | undefined;
}

interface QueryOptions {
  readonly prefix: string;
  readonly from: Attributes | undefined;
  readonly keysOnly?: boolean;
}

interface Reads {
  /** Strongly consistent. */
  get(key: StateKey): Promise<Attributes | null>;
  /** A page of a partition's items, strongly consistent, in byte order of the sort key. */
  query(partition: string, options: QueryOptions): Promise<Page>;
}

export interface UpdateExpressions {
  readonly update: string;
  /** Absent: always. */
  readonly condition?: string;
  readonly placeholders: Placeholders;
}

interface Updates {
  /** @throws AmbiguousWrite */
  update(key: StateKey, expressions: UpdateExpressions): Promise<ConditionalAnswer>;
  /** The same, sent again after a lost answer. `next` makes each try. @throws AmbiguousWrite when at last an answer was lost */
  updateAgain(key: StateKey, next: () => UpdateExpressions): Promise<ConditionalAnswer>;
}

interface Creation {
  /** Creates the item unless there is one; repeated as often as necessary. `tries`: how often it was sent. */
  create(item: Attributes): Promise<ConditionalAnswer & { readonly tries: number }>;
}

interface Deletes {
  delete(key: StateKey): Promise<void>;
  /** At most 25. */
  deleteBatch(keys: readonly StateKey[]): Promise<void>;
}

export type DynamoRequests = Reads & Updates & Creation & Deletes;

export const createDynamoRequests = (to: DynamoClient): DynamoRequests => ({
  ...createReads(to),
  ...createUpdates(to),
  ...createCreation(to),
  ...createDeletes(to),
});

const CAPACITY = { ReturnConsumedCapacity: 'TOTAL' } as const;

const createReads = ({ sdk, client, table, call }: DynamoClient): Reads => ({
  async get(key) {
    const input = { TableName: table, ...CAPACITY, Key: encodeKey(key), ConsistentRead: true };
    return (await call('GetItem', 'read', () => client.send(new sdk.GetItemCommand(input)))).Item ?? null;
  },
  async query(partition, { prefix, from, keysOnly = false }) {
    const ranged = prefix !== '';
    const input = {
      TableName: table,
      ...CAPACITY,
      ConsistentRead: true,
      KeyConditionExpression: ranged ? '#p = :p AND begins_with(#s, :s)' : '#p = :p',
      ExpressionAttributeNames: { '#p': PARTITION_KEY, ...(ranged || keysOnly ? { '#s': SORT_KEY } : {}) },
      ExpressionAttributeValues: {
        ':p': { S: checkedKey(partition) },
        ...(ranged ? { ':s': { S: checkedKey(prefix) } } : {}),
      },
      ...(keysOnly ? { ProjectionExpression: '#s' } : {}),
      ...(from === undefined ? {} : { ExclusiveStartKey: from }),
    };
    const output = await call('Query', 'read', () => client.send(new sdk.QueryCommand(input)));
    return { items: output.Items ?? [], next: output.LastEvaluatedKey };
  },
});

/** A refused condition is an answer. */
const createConditional =
  ({ sdk }: DynamoClient) =>
  async (sent: Promise<{ Attributes?: Attributes | undefined }>): Promise<ConditionalAnswer> => {
    try {
      return { applied: true, attributes: (await sent).Attributes ?? {} };
    } catch (error) {
      if (!(error instanceof sdk.ConditionalCheckFailedException)) throw error;
      const old = error.Item;
      return { applied: false, old: old === undefined || Object.keys(old).length === 0 ? null : old };
    }
  };

function createUpdates(to: DynamoClient): Updates {
  const { sdk, client, table, call } = to;
  const conditional = createConditional(to);
  const sendUpdate = (key: StateKey, { update, condition, placeholders }: UpdateExpressions) =>
    conditional(
      client.send(
        new sdk.UpdateItemCommand({
          TableName: table,
          ...CAPACITY,
          Key: encodeKey(key),
          UpdateExpression: update,
          ...(condition === undefined ? {} : { ConditionExpression: condition }),
          ExpressionAttributeNames: placeholders.names,
          ExpressionAttributeValues: placeholders.values,
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    );
  return {
    update: (key, expressions) => call('UpdateItem', 'write', () => sendUpdate(key, expressions)),
    async updateAgain(key, next) {
      let isLost = false;
      const send = async (): Promise<ConditionalAnswer> => {
        try {
          return await sendUpdate(key, next());
        } catch (error) {
          isLost ||= awsFailure(error)?.kind === 'interrupted';
          throw error;
        }
      };
      try {
        return await call('UpdateItem', 'idempotent', send);
      } catch (error) {
        throw isLost && isAppError(error) ? new AmbiguousWrite('UpdateItem', { cause: error }) : error;
      }
    },
  };
}

function createCreation(to: DynamoClient): Creation {
  const { sdk, client, table, call } = to;
  const conditional = createConditional(to);
  return {
    async create(item) {
      const input = {
        TableName: table,
        ...CAPACITY,
        Item: item,
        ConditionExpression: 'attribute_not_exists(#p)',
        ExpressionAttributeNames: { '#p': PARTITION_KEY },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      } as const;
      let tries = 0;
      const answer = await call('PutItem', 'idempotent', () => {
        tries += 1;
        return conditional(client.send(new sdk.PutItemCommand(input)));
      });
      return { ...answer, tries };
    },
  };
}

const createDeletes = ({ sdk, client, table, call }: DynamoClient): Deletes => ({
  async delete(key) {
    const input = { TableName: table, ...CAPACITY, Key: encodeKey(key) };
    await call('DeleteItem', 'idempotent', () => client.send(new sdk.DeleteItemCommand(input)));
  },
  async deleteBatch(keys) {
    let left = keys.map((key) => ({ DeleteRequest: { Key: encodeKey(key) } }));
    await call('BatchWriteItem', 'idempotent', async () => {
      const { UnprocessedItems } = await client.send(
        new sdk.BatchWriteItemCommand({ ...CAPACITY, RequestItems: { [table]: left } }),
      );
      left = (UnprocessedItems?.[table] ?? []).flatMap(({ DeleteRequest }) =>
        DeleteRequest?.Key === undefined ? [] : [{ DeleteRequest: { Key: DeleteRequest.Key } }],
      );
      // The service's way to say "too fast" for a part of a batch: waited out like any other.
      if (left.length > 0)
        throw Object.assign(new Error(`${left.length} keys were not processed`), { name: 'ThrottlingException' });
    });
  },
});
