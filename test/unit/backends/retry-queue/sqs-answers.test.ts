import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../src/backends/retry-queue/sqs-message.ts';
import { createSqsRetryQueue } from '../../../../src/backends/retry-queue/sqs.ts';
import { createRequestMeter } from '../../../../src/backends/shared/aws/meter.ts';
import { asJobId, asTaskId } from '../../../../src/domain/ids.ts';
import type { Clock } from '../../../../src/ports/clock.ts';
import type { RetryQueue } from '../../../../src/ports/retry-queue.ts';
import { createSeededIds, createSeededRandom } from '../../../support/seeded-random.ts';

const hint = (task: number) => ({
  job: asJobId('demo-7k3f9q2m'),
  task: asTaskId(String(task).padStart(6, '0')),
  generation: 1,
  attempts: 2,
  notBeforeMs: 0,
});
const refused = (name: string): Error =>
  Object.assign(new Error(`${name} it is`), { name, $metadata: { httpStatusCode: 400 } });

/** Sleeps by moving on. */
function jumpingClock(): Clock & { skip(ms: number): void } {
  let now = 0;
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    sleep: async (ms) => void (now += ms),
    after: () => () => undefined,
    every: () => () => undefined,
    skip: (ms) => void (now += ms),
  };
}

/** Answers that no server here gives. */
describe('sqs answers', () => {
  const sqs = mockClient(SQSClient);
  let queue: RetryQueue;
  let clock: ReturnType<typeof jumpingClock>;
  beforeEach(async () => {
    clock = jumpingClock();
    sqs.reset();
    sqs.on(GetQueueUrlCommand).callsFake(({ QueueName }: { QueueName: string }) => ({ QueueUrl: `url:${QueueName}` }));
    queue = await createSqsRetryQueue({
      backend: { service: 'sqs', queue: 'hints', aws: { endpoint: 'http://127.0.0.1:9' } },
      context: {
        clock,
        random: createSeededRandom(1),
        ids: createSeededIds(1),
        meter: createRequestMeter(),
      },
    });
  });
  afterEach(() => sqs.reset());
  afterAll(() => sqs.restore());
  const entriesSent = (): string[][] =>
    sqs
      .commandCalls(SendMessageBatchCommand)
      .map((call) => (call.args[0].input.Entries ?? []).map(({ MessageBody }) => MessageBody ?? ''));

  it('sends again what a batch left out through no fault of ours, and only that', async () => {
    const left = (Id: string, Code: string) => ({ Id, SenderFault: false, Code });
    sqs
      .on(SendMessageBatchCommand)
      .resolvesOnce({
        Successful: [{ Id: '0' }, { Id: '2' }] as never,
        Failed: [left('1', 'InternalError'), left('3', 'ThrottlingException')],
      })
      .resolvesOnce({ Successful: [{ Id: '3' }] as never, Failed: [left('1', 'ServiceUnavailable')] })
      // An entry that is named nowhere was not taken either.
      .resolvesOnce({ Successful: [], Failed: [] })
      .resolvesOnce({ Successful: [{ Id: '1' }] as never, Failed: [] });
    await queue.send([hint(0), hint(1), hint(2), hint(3)], 0);
    const [zero, one, two, three] = [0, 1, 2, 3].map((task) => encodeMessage(hint(task)));
    expect(entriesSent()).toEqual([[zero, one, two, three], [one, three], [one], [one]]);
  });

  it('gives up on a batch that stays partly done (QUEUE_UNAVAILABLE), and begins no other one', async () => {
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries }: { Entries: { Id: string }[] }) => ({
      Successful: Entries.slice(1),
      Failed: [{ Id: Entries[0]?.Id, SenderFault: false, Code: 'InternalError', Message: 'try again' }],
    }));
    const many = Array.from({ length: 500 }, (_, task) => hint(task));
    await expect(queue.send(many, 0)).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      message: expect.stringContaining('SendMessageBatch on sqs://hints at http://127.0.0.1:9') as string,
    });
    expect(new Set(entriesSent().flat()).size).toBeLessThan(100);
  });

  it('names an entry that is refused for good', async () => {
    const Failed = [{ Id: '0', SenderFault: true, Code: 'InvalidMessageContents', Message: 'no such characters' }];
    sqs.on(SendMessageBatchCommand).resolves({ Successful: [], Failed });
    await expect(queue.send([hint(1)], 0)).rejects.toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      message: expect.stringContaining('InvalidMessageContents: no such characters') as string,
    });
    expect(entriesSent()).toHaveLength(1);
  });

  it('sends tens, with the delay in whole seconds, never shorter than asked', async () => {
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries }: { Entries: unknown[] }) => ({ Successful: Entries }));
    await queue.send(
      Array.from({ length: 23 }, (_, task) => hint(task)),
      1_001,
    );
    expect(entriesSent().map((entries) => entries.length)).toEqual([10, 10, 3]);
    expect(sqs.commandCalls(SendMessageBatchCommand)[0]?.args[0].input.Entries?.[0]?.DelaySeconds).toBe(2);
    await queue.send([hint(1)], 900_000);
    expect(sqs.commandCalls(SendMessageBatchCommand).at(-1)?.args[0].input.Entries?.[0]?.DelaySeconds).toBe(900);
    await queue.send([], 0);
    expect(entriesSent()).toHaveLength(4);
  });

  it('passes over receipts that are void, and says when removing fails otherwise', async () => {
    const void_ = ['ReceiptHandleIsInvalid', 'AWS.SimpleQueueService.ReceiptHandleIsInvalid', 'InvalidParameterValue'];
    for (const Code of void_) {
      sqs.on(DeleteMessageBatchCommand).resolves({
        Successful: [{ Id: '0' }],
        Failed: [{ Id: '1', SenderFault: true, Code }],
      });
      await queue.ack(['good', 'void', 'good', '']);
    }
    sqs
      .on(DeleteMessageBatchCommand)
      .resolves({ Successful: [], Failed: [{ Id: '0', SenderFault: true, Code: 'KmsDisabled' }] });
    await expect(queue.ack(['good'])).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    const { Entries } = sqs.commandCalls(DeleteMessageBatchCommand)[0]?.args[0].input ?? {};
    expect(Entries).toEqual([
      { Id: '0', ReceiptHandle: 'good' },
      { Id: '1', ReceiptHandle: 'void' },
    ]);
  });

  it('tells a receipt that is void from a service that fails', async () => {
    for (const name of ['MessageNotInflight', 'ReceiptHandleIsInvalid', 'InvalidParameterValueException']) {
      sqs.on(ChangeMessageVisibilityCommand).rejects(refused(name));
      expect([name, await queue.extend('receipt', 1)]).toEqual([name, false]);
    }
    sqs.on(ChangeMessageVisibilityCommand).rejects(refused('AccessDenied'));
    await expect(queue.extend('receipt', 1)).rejects.toMatchObject({ code: 'QUEUE_DENIED' });
    sqs.on(ChangeMessageVisibilityCommand).resolves({});
    expect(await queue.extend('receipt', 1e12)).toBe(true);
    const { VisibilityTimeout } = sqs.commandCalls(ChangeMessageVisibilityCommand).at(-1)?.args[0].input ?? {};
    expect(VisibilityTimeout).toBe(43_200);
  });

  it('hands out what it has when a later request fails', async () => {
    const Messages = [{ MessageId: 'm', ReceiptHandle: 'r', Body: encodeMessage(hint(1)) }];
    sqs.on(ReceiveMessageCommand).resolvesOnce({ Messages }).rejects(refused('AccessDenied'));
    const options = { max: 20, visibilityMs: 1 };
    expect(await queue.receive(options)).toEqual([{ message: hint(1), receipt: 'r', receiveCount: 1 }]);
    await expect(queue.receive(options)).rejects.toMatchObject({ code: 'QUEUE_DENIED' });
  });

  it('ends among messages that are none of its own', async () => {
    let asked = 0;
    sqs.on(ReceiveMessageCommand).callsFake(() => {
      asked += 1;
      return { Messages: [{ MessageId: String(asked), ReceiptHandle: 'r', Body: 'foreign' }] };
    });
    expect(await queue.receive({ max: 10, visibilityMs: 1 })).toEqual([]);
    expect(asked).toBe(3);
  });

  it('looks through a long queue for seconds only, and gives back all that it took', async () => {
    const other = encodeMessage({ ...hint(1), job: asJobId('other-7k3f9q2m') });
    let taken = 0;
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '1000000' } });
    sqs.on(ReceiveMessageCommand).callsFake(() => {
      clock.skip(100);
      const Messages = Array.from({ length: 10 }, () => {
        taken += 1;
        return { MessageId: `m${taken}`, ReceiptHandle: `r${taken}`, Body: other };
      });
      return { Messages };
    });
    const returned = new Set<string>();
    sqs
      .on(ChangeMessageVisibilityBatchCommand)
      .callsFake(({ Entries }: { Entries: { ReceiptHandle: string; VisibilityTimeout: number }[] }) => {
        for (const { ReceiptHandle, VisibilityTimeout } of Entries)
          if (VisibilityTimeout === 0) returned.add(ReceiptHandle);
        return { Successful: Entries };
      });
    await queue.purge(hint(1).job);
    expect(taken).toBeGreaterThan(100);
    expect(clock.monotonicMs()).toBeLessThan(10_000);
    expect(returned.size).toBe(taken);
    expect(sqs.commandCalls(DeleteMessageBatchCommand)).toEqual([]);
  });

  it('misses the queue of the dead letters alone (QUEUE_MISSING), and finds it when it is there', async () => {
    const missing = refused('QueueDoesNotExist');
    sqs.on(GetQueueUrlCommand, { QueueName: 'hints-dead' }).rejectsOnce(missing).resolves({ QueueUrl: 'url:dead' });
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '1' } });
    await expect(queue.depth()).rejects.toMatchObject({
      code: 'QUEUE_MISSING',
      message: expect.stringContaining('sqs://hints-dead') as string,
    });
    expect(await queue.depth()).toEqual({ visible: 1, inFlight: 0, delayed: 0, dead: 1 });
    const looks = sqs.commandCalls(GetQueueUrlCommand).length;
    await queue.depth();
    expect(sqs.commandCalls(GetQueueUrlCommand)).toHaveLength(looks);
  });
});
