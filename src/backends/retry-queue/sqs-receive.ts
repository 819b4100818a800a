import type { RetryMessage } from '../../ports/retry-queue.ts';
import { BATCH, sendBatches } from './sqs-batches.ts';
import { decodeMessage, encodeMessage } from './sqs-message.ts';
import type { SqsQueues, Which } from './sqs-queues.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} = loadSqs();

/** What was taken off a queue; `message` is null when it is none of ours. */
export interface TakenMessage {
  readonly id: string;
  readonly receipt: string;
  readonly receiveCount: number;
  readonly message: RetryMessage | null;
}

/** Longest time SQS hides a message, seconds. */
const MAX_VISIBILITY_SEC = 43_200;

/** SQS counts in whole seconds: never shorter than asked for. */
export const visibilitySec = (ms: number): number => Math.min(MAX_VISIBILITY_SEC, Math.max(0, Math.ceil(ms / 1_000)));

export interface Take {
  readonly which: Which;
  readonly max: number;
  readonly visibilityMs: number;
  /** 0 asks some of the servers, from 1 on all of them; ends with the first message. */
  readonly waitSec: number;
  readonly signal?: AbortSignal;
}

/** One request. A lost answer hides messages until their visibility ends, so it may be repeated. */
export async function takeMessages(queues: SqsQueues, take: Take): Promise<TakenMessage[]> {
  const { which, max, visibilityMs, waitSec, signal } = take;
  const answer = await queues.ask({ which, operation: 'ReceiveMessage', mode: 'idempotent', signal }, (client, to) =>
    client.send(
      new ReceiveMessageCommand({
        QueueUrl: to.url,
        MaxNumberOfMessages: Math.min(BATCH, max),
        VisibilityTimeout: visibilitySec(visibilityMs),
        WaitTimeSeconds: waitSec,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
      to.http,
    ),
  );
  return (answer.Messages ?? []).map((found) => ({
    id: found.MessageId ?? '',
    receipt: found.ReceiptHandle ?? '',
    receiveCount: Number(found.Attributes?.ApproximateReceiveCount ?? 1),
    message: decodeMessage(found.Body),
  }));
}

/** Delivered twice when an answer is lost, which the contract allows. */
export async function sendMessages(
  queues: SqsQueues,
  messages: readonly RetryMessage[],
  { delaySec, signal }: { readonly delaySec: number; readonly signal?: AbortSignal },
): Promise<void> {
  await sendBatches(queues, {
    call: { which: 'live', operation: 'SendMessageBatch', mode: 'idempotent', signal },
    entries: messages.map((message) => ({ MessageBody: encodeMessage(message), DelaySeconds: delaySec })),
    send: (entries) => (client, to) =>
      client.send(new SendMessageBatchCommand({ QueueUrl: to.url, Entries: [...entries] }), to.http),
    mayBeRefused: () => false,
  });
}

export interface Held {
  readonly which: Which;
  readonly receipts: readonly string[];
  readonly signal?: AbortSignal;
}

/** Removes; receipts that name nothing any more are passed over. */
export async function deleteMessages(queues: SqsQueues, { which, receipts, signal }: Held): Promise<void> {
  await sendBatches(queues, {
    call: { which, operation: 'DeleteMessageBatch', mode: 'idempotent', signal },
    entries: receipts.map((ReceiptHandle) => ({ ReceiptHandle })),
    send: (entries) => (client, to) =>
      client.send(new DeleteMessageBatchCommand({ QueueUrl: to.url, Entries: [...entries] }), to.http),
    mayBeRefused: isVoidReceipt,
  });
}

/** Makes messages visible again at once; those whose visibility has ended meanwhile are so already. */
export async function giveBack(queues: SqsQueues, { which, receipts, signal }: Held): Promise<void> {
  await sendBatches(queues, {
    call: { which, operation: 'ChangeMessageVisibilityBatch', mode: 'idempotent', signal },
    entries: receipts.map((ReceiptHandle) => ({ ReceiptHandle, VisibilityTimeout: 0 })),
    send: (entries) => (client, to) =>
      client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: to.url, Entries: [...entries] }), to.http),
    mayBeRefused: isVoidReceipt,
  });
}

/** SQS says so for receipts that have expired, were used up or never existed. */
export const isVoidReceipt = (code: string): boolean =>
  /(^|\.)(MessageNotInflight|ReceiptHandleIsInvalid|InvalidParameterValue(Exception)?)$/.test(code);
