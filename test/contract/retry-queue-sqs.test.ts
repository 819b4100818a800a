import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createSqsRetryQueue } from '../../src/backends/retry-queue/sqs.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { knownBackend, type BackendUrl } from '../../src/domain/backend-url.ts';
import type { RetryQueue } from '../../src/ports/retry-queue.ts';
import { freshQueue, useTestCredentials } from '../support/aws-resources.ts';
import { startFaultProxy, type FaultProxy, type FaultRule } from '../support/fault-proxy.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';
import { describeRetryQueue } from './retry-queue.contract.ts';
import { startSqsServer, type SqsServer } from './sqs-server.ts';

const clock = createSystemClock();

function open(url: string, seed = 1): Promise<RetryQueue> {
  const context = { clock, random: createSeededRandom(seed), ids: createSeededIds(seed), meter: createRequestMeter() };
  return createSqsRetryQueue({ backend: knownBackend(url) as Extract<BackendUrl, { service: 'sqs' }>, context });
}

/** What a client can get over without anybody noticing: nothing here is applied when it is refused. */
const TROUBLE: readonly FaultRule[] = [
  { fault: 'throttle', rate: 0.1 },
  { fault: 'unavailable', rate: 0.05 },
  { fault: 'reset', rate: 0.05 },
  { fault: 'unprocessed', rate: 0.3 },
];

let server: SqsServer;
beforeAll(async () => {
  useTestCredentials();
  server = await startSqsServer();
});
afterAll(() => server.stop());

describe('sqs', () => {
  describeRetryQueue('two handles', async () => {
    const { url } = await freshQueue({ endpoint: server.endpoint });
    return { queue: await open(url), other: await open(url, 2), pass: server.pass, close: () => undefined };
  });
});

describe('sqs behind an endpoint that only the environment names', () => {
  it('is asked there, whatever host the URL of the queue names', async () => {
    const { queue, queueUrl } = await freshQueue({ endpoint: server.endpoint });
    expect(new URL(queueUrl).hostname).toMatch(/queues\.invalid$/);
    process.env['AWS_ENDPOINT_URL_SQS'] = server.endpoint;
    try {
      const opened = await open(`sqs://${queue}?region=us-east-1`);
      expect(await opened.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
    } finally {
      delete process.env['AWS_ENDPOINT_URL_SQS'];
    }
  });
});

describe('sqs on a bad day', () => {
  let proxy: FaultProxy;
  let seed = 0;
  beforeAll(async () => {
    proxy = await startFaultProxy({ targets: { sqs: server.endpoint } });
  });
  afterAll(() => proxy.stop());
  describeRetryQueue('throttled, refused, partly done', async () => {
    const { url } = await freshQueue({ endpoint: server.endpoint, through: proxy.endpoint });
    seed += 1;
    await proxy.setRules(TROUBLE, seed);
    const queue = await open(url);
    return { queue, other: queue, pass: server.pass, close: () => proxy.setRules([]) };
  });
});
