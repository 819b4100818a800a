/** An SDK client for one table, with failures in our words. The only place that loads the SDK. */

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { type BackendUrl, serverOf } from '../../domain/backend-url.ts';
import { AppError, isAppError } from '../../errors/app-error.ts';
import { type DatedAnswer, watchDates } from '../shared/aws/answer-dates.ts';
import { type CallMode, createAwsCaller } from '../shared/aws/call.ts';
import { type AwsContext, awsClientConfig, meterClient } from '../shared/aws/client-config.ts';
import { MAX_SOCKETS } from '../shared/aws/http-agents.ts';
import { PARTITION_KEY, SORT_KEY } from './dynamodb-attributes.ts';
import { loadDynamoDb } from '../shared/aws/load-sdk.ts';

export type DynamoBackend = Extract<BackendUrl, { service: 'dynamodb' }>;

export interface DynamoClient {
  readonly sdk: typeof import('@aws-sdk/client-dynamodb');
  readonly client: DynamoDBClient;
  readonly table: string;
  /**
   * Sends until answered, see shared/aws/call.ts.
   * @throws STATE_WRONG_SCHEMA, other AppErrors by kind, AmbiguousWrite, Error (a bug) for what the service finds invalid
   */
  readonly call: <T>(operation: string, mode: CallMode, send: () => Promise<T>) => Promise<T>;
}

const EXPECTED_KEYS = `${PARTITION_KEY} (S, HASH), ${SORT_KEY} (S, RANGE)`;
/** How DynamoDB words it when a request's keys are not the table's; other validation failures are bugs. */
const OTHER_KEYS =
  /does not match the schema|missing the key|required keys was not given|missed key schema|type mismatch for key|condition parameter type does not match|number of conditions on the keys is invalid|key condition not supported/i;

/** `noteDate` is told of the date of every answer, by the monotonic clock. */
export async function openDynamoClient(
  backend: DynamoBackend,
  context: AwsContext,
  noteDate: (answer: DatedAnswer) => void = () => {},
): Promise<DynamoClient> {
  const sdk = loadDynamoDb();
  const { clock, random } = context;
  const config = await awsClientConfig('dynamodb', backend.aws);
  const client = meterClient(new sdk.DynamoDBClient(config), { service: 'dynamodb', context });
  watchDates(client, { nowMs: () => clock.monotonicMs(), note: noteDate });
  const callAws = createAwsCaller({ clock, random, maxInFlight: MAX_SOCKETS });
  const place = `dynamodb://${backend.table}`;
  const server = serverOf(backend.aws);

  async function call<T>(operation: string, mode: CallMode, send: () => Promise<T>): Promise<T> {
    try {
      return await callAws({ area: 'state', operation, place, server, mode }, send);
    } catch (error) {
      const said = validationWords(error);
      if (said === null) throw error;
      // Without the cause: a bug is shown with all that hangs on it, and an SDK error has the signed request on it.
      if (!OTHER_KEYS.test(said)) throw new Error(`DynamoDB refused ${operation} on ${place}: ${said}`);
      throw await wrongSchema(error);
    }
  }

  async function wrongSchema(cause: unknown): Promise<AppError> {
    const found = await call('DescribeTable', 'read', () =>
      client.send(new sdk.DescribeTableCommand({ TableName: backend.table })),
    ).then(
      ({ Table }) =>
        (Table?.KeySchema ?? []).map(({ AttributeName, KeyType }) => {
          const type = Table?.AttributeDefinitions?.find((one) => one.AttributeName === AttributeName)?.AttributeType;
          return `${AttributeName} (${type}, ${KeyType})`;
        }),
      // Without the permission to describe the table only what is expected can be said.
      () => ['others'],
    );
    return new AppError('STATE_WRONG_SCHEMA', {
      message: `${place} at ${server}: found the keys ${found.join(', ')}; expected ${EXPECTED_KEYS}`,
      cause,
    });
  }

  return { sdk, client, table: backend.table, call };
}

/** What a ValidationException said; null for everything else. */
function validationWords(error: unknown): string | null {
  if (!isAppError(error) || !(error.cause instanceof Error) || error.cause.name !== 'ValidationException') return null;
  return error.cause.message;
}
