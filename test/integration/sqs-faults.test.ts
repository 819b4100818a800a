import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createSqsRetryQueue } from '../../src/backends/retry-queue/sqs.ts';
import { createRequestMeter } from '../../src/backends/shared/aws/meter.ts';
import { knownBackend, type BackendUrl } from '../../src/domain/backend-url.ts';
import { asJobId, asTaskId } from '../../src/domain/ids.ts';
import { MAX_RECEIVES, type RetryMessage, type RetryQueue } from '../../src/ports/retry-queue.ts';
import { freshName, freshQueue, rawClients, useTestCredentials, type FreshQueue } from '../support/aws-resources.ts';
import { startAwsServer, type AwsServer } from '../support/aws-servers.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { createSeededIds, createSeededRandom } from '../support/seeded-random.ts';

const JOB = asJobId('demo-7k3f9q2m');
const OTHER_JOB = asJobId('other-7k3f9q2m');
const hint = (task: number, job = JOB): RetryMessage => ({
  job,
  task: asTaskId(String(task).padStart(6, '0')),
  generation: 1,
  attempts: 2,
  notBeforeMs: 0,
});
const clock = createSystemClock();

function open(url: string): Promise<RetryQueue> {
  const context = { clock, random: createSeededRandom(1), ids: createSeededIds(1), meter: createRequestMeter() };
  return createSqsRetryQueue({ backend: knownBackend(url) as Extract<BackendUrl, { service: 'sqs' }>, context });
}

let server: AwsServer;
let proxy: FaultProxy;
let fresh: FreshQueue;
let queue: RetryQueue;
beforeAll(async () => {
  useTestCredentials();
  server = await startAwsServer('fauxqs');
  proxy = await startFaultProxy({ targets: { sqs: server.endpoint } });
});
afterAll(async () => {
  await proxy.stop();
  await server.stop();
});
beforeEach(async () => {
  fresh = await freshQueue({ endpoint: server.endpoint, through: proxy.endpoint });
  queue = await open(fresh.url);
});
afterEach(() => proxy.setRules([]));

describe('hints through a network that loses answers', () => {
  it('arrive at least once, and are gone when they were acknowledged', async () => {
    await proxy.setRules(
      [
        { fault: 'lost', operation: 'SendMessageBatch', rate: 0.2 },
        { fault: 'duplicate', operation: 'SendMessageBatch', rate: 0.2 },
        { fault: 'lost-error', operation: ['ReceiveMessage', 'DeleteMessageBatch'], rate: 0.15 },
        { fault: 'redeliver', rate: 0.15 },
        { fault: 'truncate', rate: 0.05 },
        { fault: 'unprocessed', rate: 0.3 },
        { fault: 'throttle', rate: 0.1 },
      ],
      11,
    );
    const sent = Array.from({ length: 300 }, (_, task) => hint(task));
    await queue.send(sent, 0);
    const seen = new Set<string>();
    for (let empty = 0; empty < 3;) {
      const received = await queue.receive({ max: 50, visibilityMs: 1_000 });
      for (const { message } of received) seen.add(message.task);
      await queue.ack(received.map(({ receipt }) => receipt));
      empty = received.length === 0 ? empty + 1 : 0;
    }
    await proxy.setRules([]);
    expect(seen.size).toBe(300);
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0, dead: 0 });
    const { faults } = await proxy.ledger();
    const wanted = ['lost', 'lost-error', 'duplicate', 'redeliver', 'unprocessed', 'throttle'];
    expect(Object.keys(faults)).toEqual(expect.arrayContaining(wanted));
  });
});

describe('messages that are none of ours', () => {
  it('are not handed out, and end among the dead letters instead of getting lost', async () => {
    const raw = rawClients.sqs(server.endpoint);
    await raw.send(new SendMessageCommand({ QueueUrl: fresh.queueUrl, MessageBody: 'from somebody else' }));
    raw.destroy();
    await queue.send([hint(1)], 0);
    const [mine] = await queue.receive({ max: 10, visibilityMs: 0 });
    expect(mine?.message).toEqual(hint(1));
    await queue.ack([mine?.receipt ?? '']);
    for (let round = 0; round <= MAX_RECEIVES; round += 1)
      for (const { receipt } of await queue.receive({ max: 1, visibilityMs: 0 })) await queue.ack([receipt]);
    expect(await queue.depth()).toMatchObject({ visible: 0, inFlight: 0, dead: 1 });
    const listed = [];
    for await (const message of queue.deadLetters()) listed.push(message);
    expect(listed).toEqual([]);
  });
});

describe('dead letters', () => {
  it('are listed each once and are still there', async () => {
    await queue.send(
      Array.from({ length: 25 }, (_, task) => hint(task)),
      0,
    );
    for (let round = 0; round <= MAX_RECEIVES; round += 1) await queue.receive({ max: 25, visibilityMs: 0 });
    await drain(queue);
    const list = async () => {
      const tasks: string[] = [];
      for await (const { task } of queue.deadLetters()) tasks.push(task);
      return tasks.toSorted();
    };
    const listed = await list();
    expect(new Set(listed).size).toBe(25);
    expect(listed).toHaveLength(25);
    expect(await list()).toEqual(listed);
  });
});

/** Receives until every message was taken too often. */
async function drain(from: RetryQueue): Promise<void> {
  for (;;) {
    const { visible, inFlight } = await from.depth();
    if (visible + inFlight === 0) return;
    await from.receive({ max: 25, visibilityMs: 0 });
  }
}

describe('purge', () => {
  it('leaves the messages of other jobs visible, and looking at them kills none', async () => {
    await queue.send([hint(1), ...Array.from({ length: 30 }, (_, task) => hint(task, OTHER_JOB))], 0);
    await queue.purge(JOB);
    for (let round = 0; round < MAX_RECEIVES; round += 1) await queue.purge(asJobId(`third-7k3f9q2${round}`));
    expect(await queue.depth()).toEqual({ visible: 30, inFlight: 0, delayed: 0, dead: 0 });
    const left = await queue.receive({ max: 100, visibilityMs: 30_000 });
    expect(new Set(left.map(({ message }) => `${message.job} ${message.task}`)).size).toBe(30);
  }, 60_000);

  it('asks twice and ends at once when nothing is there', async () => {
    await queue.purge(JOB);
    const startMs = performance.now();
    await queue.purge(JOB);
    expect(performance.now() - startMs).toBeLessThan(900);
  });

  it('gives up within seconds on a service that hangs (QUEUE_UNAVAILABLE)', async () => {
    await queue.send([hint(1)], 0);
    await proxy.setRules([{ fault: 'hang' }]);
    const startMs = performance.now();
    await expect(queue.purge(JOB)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(performance.now() - startMs).toBeLessThan(12_000);
  });
});

describe('a queue that cannot be used is named, with the remedy', () => {
  it.each([
    ['denied', 'QUEUE_DENIED'],
    ['expired', 'AWS_CREDENTIALS_EXPIRED'],
    ['skew', 'AWS_CLOCK_SKEW'],
    ['html', 'AWS_NOT_A_SERVICE'],
  ] as const)('%s is %s', async (fault, code) => {
    await proxy.setRules([{ fault }]);
    await expect(queue.send([hint(1)], 0)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`sqs://${fresh.queue}`) as string,
    });
  });

  it('that does not exist (QUEUE_MISSING), or that nobody serves (QUEUE_UNAVAILABLE)', async () => {
    const query = fresh.url.slice(fresh.url.indexOf('?'));
    const absent = await open(`sqs://${freshName()}${query}`);
    await expect(absent.depth()).rejects.toMatchObject({ code: 'QUEUE_MISSING' });
    const nobody = await open('sqs://hints?endpoint=http://127.0.0.1:9');
    const startMs = performance.now();
    await expect(nobody.send([hint(1)], 0)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(performance.now() - startMs).toBeLessThan(6_000);
  });
});
