import type { DynamoDBClient, TableDescription } from '@aws-sdk/client-dynamodb';
import { AppError, isAppError, messageOf } from '../../errors/app-error.ts';
import { createAwsCaller } from '../shared/aws/call.ts';
import { serverOf } from '../../domain/backend-url.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { TTL_ATTRIBUTE, type StatePlace } from './places.ts';
import { isNamed, reported, type ResourceReport } from './report.ts';
import { loadDynamoDb } from '../shared/aws/load-sdk.ts';

const { CreateTableCommand, DescribeTableCommand, DescribeTimeToLiveCommand, UpdateTimeToLiveCommand } = loadDynamoDb();

/** A table is created within seconds; longer than this and something is the matter. */
const ACTIVE_MS = 180_000;
const LOOK_AGAIN_MS = 2_000;
const KEYS = [
  ['pk', 'HASH'],
  ['sk', 'RANGE'],
] as const;

interface Work {
  readonly table: string;
  readonly client: DynamoDBClient;
  readonly context: AwsContext;
  readonly ask: <T>(operation: string, send: () => Promise<T>) => Promise<T>;
}

/** The table: looked up, and created when it is missing, billed by request, with items that expire. An existing one is not changed. */
export async function provisionTable(
  place: StatePlace,
  { context, dryRun }: { readonly context: AwsContext; readonly dryRun: boolean },
): Promise<ResourceReport> {
  const { table } = place;
  const name = `dynamodb://${table}`;
  const server = serverOf(place.aws);
  const about = { kind: 'table', name, server } as const;
  const client = meterClient(new (loadDynamoDb().DynamoDBClient)(await awsClientConfig('dynamodb', place.aws)), {
    service: 'dynamodb',
    context,
  });
  const call = createAwsCaller({ ...context, maxInFlight: 4 });
  const work: Work = {
    table,
    client,
    context,
    ask: (operation, send) => call({ area: 'state', operation, place: name, server, mode: 'idempotent' }, send),
  };
  try {
    return await reported(about, async () => {
      const before = await describe(work);
      if (before === null && dryRun)
        return { ...about, verdict: 'missing', found: ['does not exist'], remedies: [], arn: null };
      if (before === null) {
        await create(work);
        const active = await untilActive(work);
        const found = ['billed by request', await letExpire(work)];
        return { ...about, verdict: 'created', found, remedies: [], arn: active.TableArn ?? null };
      }
      const seen = before.TableStatus === 'ACTIVE' || dryRun ? before : await untilActive(work);
      const { found, remedies, wrong } = await lookAt(work, seen);
      return { ...about, verdict: wrong ? 'wrong' : 'exists', found, remedies, arn: seen.TableArn ?? null };
    });
  } finally {
    client.destroy();
  }
}

const describe = ({ ask, client, table }: Work): Promise<TableDescription | null> =>
  ask('DescribeTable', async () => {
    try {
      return (await client.send(new DescribeTableCommand({ TableName: table }))).Table ?? null;
    } catch (error) {
      if (isNamed(error, ['ResourceNotFoundException'])) return null;
      throw error;
    }
  });

async function create({ ask, client, table }: Work): Promise<void> {
  await ask('CreateTable', async () => {
    try {
      await client.send(
        new CreateTableCommand({
          TableName: table,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: KEYS.map(([AttributeName]) => ({ AttributeName, AttributeType: 'S' })),
          KeySchema: KEYS.map(([AttributeName, KeyType]) => ({ AttributeName, KeyType })),
        }),
      );
    } catch (error) {
      // It was not there a moment ago: an answer was lost, or somebody else creates the same one.
      if (!isNamed(error, ['ResourceInUseException'])) throw error;
    }
  });
}

/** @throws STATE_UNAVAILABLE when it takes too long */
async function untilActive(work: Work): Promise<TableDescription> {
  const { clock } = work.context;
  const sinceMs = clock.monotonicMs();
  for (;;) {
    const table = await describe(work);
    if (table?.TableStatus === 'ACTIVE') return table;
    if (clock.monotonicMs() - sinceMs > ACTIVE_MS)
      throw new AppError('STATE_UNAVAILABLE', {
        message: `dynamodb://${work.table} is still ${table?.TableStatus ?? 'missing'} after ${ACTIVE_MS / 1_000} s`,
        hint: 'Look at the table in the console, then run again: slurmctl init --aws',
      });
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

/** Not every server lets items expire; jobs work without. */
async function letExpire(work: Work): Promise<string> {
  const { ask, client, table } = work;
  try {
    if (!(await expires(work))) {
      const TimeToLiveSpecification = { AttributeName: TTL_ATTRIBUTE, Enabled: true };
      await ask('UpdateTimeToLive', () =>
        client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification })),
      );
    }
    return `items expire by the attribute "${TTL_ATTRIBUTE}"`;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return `items do not expire by themselves here (${messageOf(error)})`;
  }
}

/** By the right attribute. */
async function expires({ ask, client, table }: Work): Promise<boolean> {
  const answer = await ask('DescribeTimeToLive', () =>
    client.send(new DescribeTimeToLiveCommand({ TableName: table })),
  );
  const { TimeToLiveStatus: status, AttributeName: attribute } = answer.TimeToLiveDescription ?? {};
  return (status === 'ENABLED' || status === 'ENABLING') && attribute === TTL_ATTRIBUTE;
}

async function lookAt(
  work: Work,
  seen: TableDescription,
): Promise<Pick<ResourceReport, 'found' | 'remedies'> & { readonly wrong: boolean }> {
  const keys = keysOf(seen);
  if (keys !== 'pk (S, HASH), sk (S, RANGE)')
    return {
      wrong: true,
      found: [`found the keys ${keys}, expected pk (S, HASH), sk (S, RANGE)`],
      remedies: ['The keys of a table never change: name another table under state:, and init --aws creates it'],
    };
  try {
    if (await expires(work)) return { wrong: false, found: [], remedies: [] };
    const { table } = work;
    // Jobs work without; only what nobody needs any more stays and costs. Some servers cannot do it.
    return {
      wrong: false,
      found: [`items do not expire by the attribute "${TTL_ATTRIBUTE}", so that forgotten ones stay`],
      remedies: [
        `Where the server can: aws dynamodb update-time-to-live --table-name ${table} --time-to-live-specification Enabled=true,AttributeName=${TTL_ATTRIBUTE}`,
      ],
    };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { wrong: false, found: [`whether items expire is not known (${messageOf(error)})`], remedies: [] };
  }
}

function keysOf({ KeySchema = [], AttributeDefinitions = [] }: TableDescription): string {
  const typeOf = (name: string | undefined) => AttributeDefinitions.find((one) => one.AttributeName === name);
  return KeySchema.map(
    ({ AttributeName, KeyType }) => `${AttributeName} (${typeOf(AttributeName)?.AttributeType}, ${KeyType})`,
  ).join(', ');
}
