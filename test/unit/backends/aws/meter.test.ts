import { expect, it } from 'vitest';
import { meterClient, type AwsContext } from '../../../../src/backends/shared/aws/client-config.ts';
import { createRequestMeter } from '../../../../src/backends/shared/aws/meter.ts';

type Next = (args: object) => Promise<object>;
type Middleware = (next: Next, about: { readonly commandName: string }) => Next;

/** A counted client of which only the counting is real. */
function countedClient() {
  const meter = createRequestMeter();
  const added: Middleware[] = [];
  const client = { middlewareStack: { add: (middleware: never) => void added.push(middleware) } };
  let nowMs = 0;
  const context = { clock: { monotonicMs: () => (nowMs += 5.25) }, meter } as unknown as AwsContext;
  meterClient(client, { service: 's3', context });
  const send = (operation: string, answer: object): Promise<object> | undefined =>
    added[0]?.(async () => answer, { commandName: `${operation}Command` })({
      request: { headers: { 'content-length': '30' } },
    });
  return { meter, send };
}

const answer = (bytes: number, output: object = {}): object => ({
  output,
  response: { headers: { 'content-length': String(bytes) } },
});

it('counts requests, bytes both ways, capacity and whole milliseconds', async () => {
  const { meter, send } = countedClient();
  await send('UpdateItem', answer(70, { ConsumedCapacity: { CapacityUnits: 1.5 } }));
  await send('UpdateItem', answer(30, { ConsumedCapacity: [{ CapacityUnits: 2 }] }));
  await send('Query', answer(100, { ConsumedCapacity: { CapacityUnits: 0.5 } }));
  expect(meter.totals()).toMatchObject([
    { operation: 'Query', requests: 1, ms: 5, bytesSent: 30, bytesReceived: 100, readUnits: 0.5, writeUnits: 0 },
    { operation: 'UpdateItem', requests: 2, ms: 11, bytesSent: 60, bytesReceived: 100, readUnits: 0, writeUnits: 3.5 },
  ]);
});

it('does not count the body that an answer to HEAD only speaks of', async () => {
  const { meter, send } = countedClient();
  await send('HeadObject', answer(5_000_000));
  expect(meter.totals()).toMatchObject([{ operation: 'HeadObject', requests: 1, bytesReceived: 0 }]);
});
