import { isJobId, isTaskId } from '../../domain/ids.ts';
import type { RetryMessage } from '../../ports/retry-queue.ts';

/** Version of the body; a reader passes over versions that it does not know. */
const VERSION = 1;

/** The body of a message: versioned JSON in ASCII, below 300 bytes. */
export const encodeMessage = ({ job, task, generation, attempts, notBeforeMs }: RetryMessage): string =>
  JSON.stringify({ v: VERSION, job, task, generation, attempts, notBeforeMs });

/** The hint in a body; null when it is foreign, garbled or of another version. */
export function decodeMessage(body: string | undefined): RetryMessage | null {
  const fields = parseObject(body ?? '');
  if (fields === null || fields['v'] !== VERSION) return null;
  const { job, task, generation, attempts, notBeforeMs } = fields;
  if (typeof job !== 'string' || !isJobId(job) || typeof task !== 'string' || !isTaskId(task)) return null;
  if (!isCount(generation) || !isCount(attempts) || !isCount(notBeforeMs)) return null;
  return { job, task, generation, attempts, notBeforeMs };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
