import { formatBackendUrl, type BackendUrl } from '../../domain/backend-url.ts';
import { AppError, isAppError } from '../../errors/app-error.ts';
import { MAX_QUEUE_DELAY_MS, type ReceivedMessage, type RetryQueue } from '../../ports/retry-queue.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { BATCH } from './sqs-batches.ts';
import { openSqsQueues, type SqsQueues, type Which } from './sqs-queues.ts';
import { deleteMessages, isVoidReceipt, sendMessages, takeMessages, visibilitySec } from './sqs-receive.ts';
import { listDead, sweepJob } from './sqs-sweep.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const { ChangeMessageVisibilityCommand, GetQueueAttributesCommand } = loadSqs();

/** Purging gives up after this time, also on a service that hangs. */
const PURGE_MS = 10_000;

/**
 * The retry queue in SQS: a standard queue, and `<queue>-dead` to which its redrive policy moves what was received MAX_RECEIVES times.
 *
 * Bodies are versioned JSON. A message that is none of ours is neither handed out nor removed: it comes back until the redrive policy puts it
 * among the dead letters, where `depth` counts it and a person can look at it.
 *
 * Fails with QUEUE_MISSING (also for the dead letters' queue alone), QUEUE_DENIED, QUEUE_UNAVAILABLE and AWS_*.
 */
export async function createSqsRetryQueue({
  backend,
  context,
}: {
  readonly backend: Extract<BackendUrl, { service: 'sqs' }>;
  readonly context: AwsContext;
}): Promise<RetryQueue> {
  const queues = await openSqsQueues(backend, context);
  return {
    rootUrl: formatBackendUrl(backend),
    async send(messages, delayMs) {
      if (!(delayMs >= 0 && delayMs <= MAX_QUEUE_DELAY_MS)) throw new Error(`a delay of ${delayMs} ms is out of range`);
      await sendMessages(queues, messages, { delaySec: Math.ceil(delayMs / 1_000) });
    },
    receive: (options) => receive(queues, options),
    async ack(receipts) {
      const given = [...new Set(receipts)].filter((receipt) => receipt !== '');
      await deleteMessages(queues, { which: 'live', receipts: given });
    },
    extend: (receipt, visibilityMs) => extend(queues, receipt, visibilityMs),
    async depth() {
      const [live, dead] = await Promise.all([countMessages(queues, 'live'), countMessages(queues, 'dead')]);
      return { ...live, dead: dead.visible + dead.inFlight + dead.delayed };
    },
    async *deadLetters() {
      yield* await listDead(queues);
    },
    async purge(job) {
      const giveUp = new AbortController();
      const why = new AppError('QUEUE_UNAVAILABLE', {
        message: `sqs://${backend.queue}: the messages of job ${job} could not be removed within ${PURGE_MS / 1_000} s`,
      });
      const cancel = context.clock.after(PURGE_MS, () => giveUp.abort(why));
      const { signal } = giveUp;
      const sweep = async (which: Which): Promise<void> => {
        const { visible } = await countMessages(queues, which, signal);
        if (visible > 0) await sweepJob(queues, job, { which, clock: context.clock, signal });
      };
      // Once one has failed, the other shall not go on behind the caller's back.
      const stop = (error: unknown): never => {
        giveUp.abort(error);
        throw error;
      };
      await Promise.all([sweep('live').catch(stop), sweep('dead').catch(stop)]).finally(cancel);
    },
  };
}

async function receive(
  queues: SqsQueues,
  { max, visibilityMs }: { readonly max: number; readonly visibilityMs: number },
): Promise<ReceivedMessage[]> {
  const received: ReceivedMessage[] = [];
  // A request brings ten at most, and fewer as SQS pleases; foreign messages must not keep us for ever.
  const mostRequests = Math.ceil(max / BATCH) * 3;
  for (let request = 0; request < mostRequests && received.length < max; request += 1) {
    // The first one waits: without waiting, SQS asks some of its servers only and may find nothing where there is something.
    const take = { which: 'live', max: max - received.length, visibilityMs, waitSec: request === 0 ? 1 : 0 } as const;
    const taken = await takeMessages(queues, take).catch((error: unknown) => {
      // What is in hand is handed out: it would be hidden from everybody for nothing. The next call meets the trouble.
      if (received.length > 0 && isAppError(error)) return [];
      throw error;
    });
    if (taken.length === 0) break;
    for (const { message, receipt, receiveCount } of taken)
      if (message !== null) received.push({ message, receipt, receiveCount });
  }
  return received;
}

async function extend(queues: SqsQueues, receipt: string, visibilityMs: number): Promise<boolean> {
  const call = { which: 'live', operation: 'ChangeMessageVisibility', mode: 'idempotent' } as const;
  return await queues.ask(call, async (client, { url }) => {
    const change = { QueueUrl: url, ReceiptHandle: receipt, VisibilityTimeout: visibilitySec(visibilityMs) };
    return client.send(new ChangeMessageVisibilityCommand(change)).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && isVoidReceipt(error.name)) return false;
        throw error;
      },
    );
  });
}

const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

/** Approximate, as SQS says: they may lag behind by a minute. */
async function countMessages(queues: SqsQueues, which: Which, signal?: AbortSignal) {
  const answer = await queues.ask({ which, operation: 'GetQueueAttributes', mode: 'read', signal }, (client, to) =>
    client.send(new GetQueueAttributesCommand({ QueueUrl: to.url, AttributeNames: [...COUNTS] }), to.http),
  );
  const [visible, inFlight, delayed] = COUNTS.map((name) => Number(answer.Attributes?.[name] ?? 0));
  return { visible: visible ?? 0, inFlight: inFlight ?? 0, delayed: delayed ?? 0 };
}
