/** What a DynamoDB server really does: the table as it is described, and what happens to two items of the probe's own. */

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AwsBackend } from '../../domain/backend-url.ts';
import { isAppError } from '../../errors/app-error.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { looking, type Asking } from './asking.ts';
import { lookAtConditions, lookAtQueries, removeItems } from './dynamodb-looks.ts';
import { judgeReach } from './reach.ts';
import { broken, doubtful, fine, type Verdict } from './verdict.ts';
import { loadDynamoDb } from '../shared/aws/load-sdk.ts';

const { DescribeTableCommand, DescribeTimeToLiveCommand } = loadDynamoDb();

/** What the looks at one table share. */
export interface DynamoProbe {
  readonly client: DynamoDBClient;
  readonly asking: Asking;
  readonly backend: AwsBackend & { readonly service: 'dynamodb' };
  /** Partition that belongs to this probe alone. */
  readonly partition: string;
  /** Epoch seconds at which the service may remove what a killed probe left. */
  readonly expiresSec: number;
}

const LEFTOVER_SEC = 3_600;
/** Of every item that slurmctl wants removed one day. */
const TTL_ATTRIBUTE = 'ttl';

/** All verdicts on a table; whatever was written is removed again. */
export async function probeDynamo(
  given: Omit<DynamoProbe, 'partition' | 'expiresSec'> & { readonly context: AwsContext; readonly server: string },
): Promise<Verdict[]> {
  const { asking, backend, context, server } = given;
  const probe: DynamoProbe = {
    ...given,
    partition: `DOCTOR#${context.ids.ulid()}`,
    expiresSec: Math.floor(context.clock.nowMs() / 1_000) + LEFTOVER_SEC,
  };
  const table = await looking('state table', () => lookAtTable(probe));
  if (table.verdict === 'fail') return [table];
  const [expiry, conditions] = await Promise.all([
    looking('state expiry', () => lookAtExpiry(probe)),
    looking('state conditions', () => lookAtConditions(probe)),
  ]);
  const looks = [table, expiry, conditions];
  if (conditions.verdict !== 'fail') looks.push(await looking('state queries', () => lookAtQueries(probe)));
  const removed = await looking('state removal', () => removeItems(probe));
  // Who may not write has nothing to remove; that refusal is shown already.
  if (conditions.verdict !== 'fail') looks.push(removed);
  return [judgeReach({ name: 'state', place: `dynamodb://${backend.table}`, server, asking }), ...looks];
}

/** Key schema, readiness and billing. */
async function lookAtTable({ client, asking, backend }: DynamoProbe): Promise<Verdict> {
  const name = 'state table';
  let table;
  try {
    const described = await asking.ask('DescribeTable', (options) =>
      client.send(new DescribeTableCommand({ TableName: backend.table }), options),
    );
    table = described.Table;
  } catch (error) {
    if (!isAppError(error, 'STATE_DENIED')) throw error;
    return doubtful(name, error.message, 'Jobs run without this permission; with it doctor checks keys and billing');
  }
  const keys = (table?.KeySchema ?? []).map(({ AttributeName = '', KeyType }) => {
    const type = table?.AttributeDefinitions?.find((one) => one.AttributeName === AttributeName)?.AttributeType;
    return `${AttributeName} (${type ?? '?'}, ${KeyType === 'HASH' ? 'partition' : 'sort'})`;
  });
  const wanted = 'pk (S, partition), sk (S, sort)';
  if (keys.join(', ') !== wanted)
    return broken(
      name,
      `dynamodb://${backend.table} has the keys ${keys.join(', ')}, expected ${wanted}`,
      'Name another table, or let slurmctl init --aws create one',
    );
  if (table?.TableStatus !== 'ACTIVE' && table?.TableStatus !== 'UPDATING')
    return broken(
      name,
      `dynamodb://${backend.table} is ${table?.TableStatus ?? 'of no known state'}`,
      'Wait until it is ACTIVE',
    );
  if (table.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST')
    return fine(name, `keys ${keys.join(', ')}; billed on demand`);
  const { ReadCapacityUnits = 0, WriteCapacityUnits = 0 } = table.ProvisionedThroughput ?? {};
  return doubtful(
    name,
    `keys ${keys.join(', ')}; provisioned for ${ReadCapacityUnits} reads and ${WriteCapacityUnits} writes a second`,
    'Choose on-demand billing: a job writes in bursts, and beyond these figures it waits',
  );
}

async function lookAtExpiry({ client, asking, backend }: DynamoProbe): Promise<Verdict> {
  const name = 'state expiry';
  const remedy = `Switch on TTL for the attribute ${TTL_ATTRIBUTE}; until then expired items stay and cost storage`;
  try {
    const answer = await asking.ask('DescribeTimeToLive', (options) =>
      client.send(new DescribeTimeToLiveCommand({ TableName: backend.table }), options),
    );
    const { TimeToLiveStatus = 'DISABLED', AttributeName } = answer.TimeToLiveDescription ?? {};
    if (!TimeToLiveStatus.startsWith('ENABL')) return doubtful(name, 'TTL is off', remedy);
    return AttributeName === TTL_ATTRIBUTE
      ? fine(name, `TTL is on for ${TTL_ATTRIBUTE}`)
      : doubtful(name, `TTL is on for ${AttributeName ?? 'nothing'}, not for ${TTL_ATTRIBUTE}`, remedy);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return doubtful(name, `cannot be told: ${error.message}`, remedy);
  }
}
