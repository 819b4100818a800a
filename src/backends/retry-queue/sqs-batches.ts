/** Batches of at most ten, of which SQS may take some and leave others. */

import { AppError } from '../../errors/app-error.ts';
import { forEachAtOnce } from '../shared/for-each-at-once.ts';
import type { QueueCall, QueueRequest, SqsQueues } from './sqs-queues.ts';

/** Most entries of one request. */
export const BATCH = 10;
/** Batches on their way at the same time. */
const AT_ONCE = 8;

interface FailedEntry {
  readonly Id?: string | undefined;
  readonly SenderFault?: boolean | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
}

interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?: readonly FailedEntry[] | undefined;
}

export interface BatchWork<E> {
  /** `Id` is added to each. */
  readonly entries: readonly E[];
  readonly call: QueueCall;
  readonly send: (entries: readonly (E & { readonly Id: string })[]) => QueueRequest<BatchAnswer>;
  /** True for an entry refused for good that is not worth an error; by its code. */
  readonly mayBeRefused: (code: string) => boolean;
}

/**
 * Sends every entry. Those that a batch leaves out through no fault of ours are sent again, they alone, with the pauses and the patience of
 * any other request.
 * @throws AppError as `ask`, QUEUE_UNAVAILABLE for an entry refused for good
 */
export async function sendBatches<E>(queues: SqsQueues, work: BatchWork<E>): Promise<void> {
  const batches: E[][] = [];
  for (let start = 0; start < work.entries.length; start += BATCH)
    batches.push(work.entries.slice(start, start + BATCH));
  await forEachAtOnce(batches, AT_ONCE, (batch) => sendBatch(queues, work, batch));
}

async function sendBatch<E>(queues: SqsQueues, work: BatchWork<E>, batch: readonly E[]): Promise<void> {
  let left = batch.map((entry, index) => ({ ...entry, Id: String(index) }));
  await queues.ask(work.call, async (client, to) => {
    const { Successful = [], Failed = [] } = await work.send(left)(client, to);
    const taken = new Set(Successful.map(({ Id }) => Id));
    for (const entry of Failed.filter(({ SenderFault }) => SenderFault === true)) {
      if (!work.mayBeRefused(entry.Code ?? '')) throw refusal(work.call.operation, entry);
      taken.add(entry.Id);
    }
    left = left.filter(({ Id }) => !taken.has(Id));
    if (left.length > 0) throw leftOut(Failed.find(({ Id }) => Id === left[0]?.Id));
  });
}

/** In the form of an SDK error, so that what reads those decides whether and when the rest is sent again. */
function leftOut(entry: FailedEntry | undefined): Error {
  const error = new Error(entry?.Message ?? 'an entry of the batch has no answer');
  return Object.assign(error, { name: entry?.Code ?? 'InternalError', $metadata: { httpStatusCode: 500 } });
}

const refusal = (operation: string, { Code = 'no code', Message = '' }: FailedEntry): AppError =>
  new AppError('QUEUE_UNAVAILABLE', {
    message: `${operation} refused an entry of the batch (${Message === '' ? Code : `${Code}: ${Message}`})`,
    details: { operation, reason: Code },
  });
