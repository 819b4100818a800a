import { asTaskId, isJobId } from '../../domain/ids.ts';
import type { RetryMessage } from '../../ports/retry-queue.ts';

/** Everything about a message is in the name of its (empty) file, so there is nothing to tear and one rename changes its state. */
export interface QueuedMessage {
  /** Epoch ms from which it may be received: end of its delay or of its visibility. */
  readonly visibleAtMs: number;
  readonly receives: number;
  /** Changes with every receive, so that an old receipt names nothing. */
  readonly nonce: string;
  readonly message: RetryMessage;
}

/** Sorts by the time of visibility. The longest job and task ids give 180 characters. */
export function fileNameOf(queued: QueuedMessage): string {
  return `${String(queued.visibleAtMs).padStart(15, '0')}.${receiptOf(queued)}`;
}

/** The part of the name that stays while a receiver holds the message, however often it extends its visibility. */
export function receiptOf({ receives, nonce, message }: QueuedMessage): string {
  const { job, task, generation, attempts, notBeforeMs } = message;
  return [receives, nonce, job, task, generation, attempts, notBeforeMs].join('.');
}

/** Null for a foreign file. */
export function parseFileName(fileName: string): QueuedMessage | null {
  const match =
    /^(?<at>\d{15})\.(?<receives>\d+)\.(?<nonce>[0-9a-z]+)\.(?<job>[a-z0-9-]+)\.(?<task>\d{6,9})\.(?<generation>\d+)\.(?<attempts>\d+)\.(?<notBefore>\d+)$/.exec(
      fileName,
    );
  const part = match?.groups;
  const job = part?.['job'];
  if (part === undefined || job === undefined || !isJobId(job)) return null;
  return {
    visibleAtMs: Number(part['at']),
    receives: Number(part['receives']),
    nonce: part['nonce'] as string,
    message: {
      job,
      task: asTaskId(part['task'] as string),
      generation: Number(part['generation']),
      attempts: Number(part['attempts']),
      notBeforeMs: Number(part['notBefore']),
    },
  };
}
