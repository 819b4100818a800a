import { afterAll, beforeAll, describe, expect } from 'vitest';

import { freshTable, sharedAwsServer, useTestCredentials } from '../support/aws-resources.ts';
import { openDynamoTable } from '../support/dynamo-table.ts';
import { badDay, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { describeStateTable } from './state-table.contract.ts';

/** dynalite does not send the item with a refusal (`ReturnValuesOnConditionCheckFailure`), so there every refusal is followed by a read. */
describe.each(['dynamodb-local', 'dynalite'] as const)('%s', (server) => {
  let endpoint: string;
  beforeAll(async () => {
    useTestCredentials();
    endpoint = await sharedAwsServer(server);
  });

  describeStateTable('DynamoDB, two handles', async () => {
    const { url } = await freshTable({ endpoint });
    return { table: await openDynamoTable(url), other: await openDynamoTable(url), close: () => {} };
  });

  describe('on a bad day', () => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      const doubled = {
        fault: 'duplicate',
        service: 'dynamodb',
        operation: ['UpdateItem', 'PutItem'],
        rate: 0.1,
      } as const;
      proxy = await startFaultProxy({ targets: { dynamodb: endpoint }, rules: [...badDay(0.15), doubled], seed: 3 });
    });
    afterAll(async () => {
      const { faults, troubles } = await proxy.ledger();
      await proxy.stop();
      expect(troubles).toEqual([]);
      const expected = ['throttle', 'error', 'reset', 'lost', 'lost-error', 'truncate', 'duplicate'];
      expect(Object.keys(faults)).toEqual(expect.arrayContaining(expected));
    });

    describeStateTable(
      'DynamoDB, two handles behind a network that fails',
      async () => {
        const { url } = await freshTable({ endpoint, through: proxy.endpoint });
        return { table: await openDynamoTable(url), other: await openDynamoTable(url), close: () => {} };
      },
      { answersGetLost: true },
    );
  });
});
