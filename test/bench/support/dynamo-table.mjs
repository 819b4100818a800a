/** A new table with the keys of slurmctl's, without throughput to pay for; its URL. The credentials are in the environment. */
export async function makeTable(table, endpoint) {
  const { DynamoDBClient, CreateTableCommand } = await import('@aws-sdk/client-dynamodb');
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1' });
  const [names, kinds] = [
    ['pk', 'sk'],
    ['HASH', 'RANGE'],
  ];
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: names.map((AttributeName, n) => ({ AttributeName, KeyType: kinds[n] })),
    }),
  );
  client.destroy();
  return `dynamodb://${table}?region=us-east-1&endpoint=${endpoint}`;
}
