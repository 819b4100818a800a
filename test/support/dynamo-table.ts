import { createSystemClock } from '../../src/backends/clock.ts';
import { createSystemIds, createSystemRandom } from '../../src/backends/random.ts';
import type { AwsContext } from '../../src/backends/shared/aws/client-config.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { createDynamoStateTable } from '../../src/backends/state-table/dynamodb.ts';
import { knownBackend } from '../../src/domain/backend-url.ts';
import type { StateTable } from '../../src/ports/state-table.ts';

/** What a driver gets outside tests, with a meter of its own. */
export function systemContext(): AwsContext {
  const clock = createSystemClock();
  return { clock, random: createSystemRandom(), ids: createSystemIds(clock), meter: createRequestMeter() };
}

/** The DynamoDB driver behind a URL. */
export function openDynamoTable(url: string, context: AwsContext = systemContext()): Promise<StateTable> {
  const backend = knownBackend(url);
  if (backend.service !== 'dynamodb') throw new Error(`not a table: ${url}`);
  return createDynamoStateTable({ backend, context });
}
