/** The picture of a queue as it lies in a file that processes share; pure. */
import type { QueuedSubmission } from '../../ports/batch-system.ts';
import type { QueuePicture } from '../../ports/queue-view.ts';

const SCHEMA = 'slurmctl.queue-picture/2';
/** Submissions that are kept; a user has seldom more than a few. */
const MOST_SUBMISSIONS = 5_000;
/** Reasons that one submission may have, of some dozens that there are. */
const MOST_REASONS = 100;
/** A longer file was not written by us. */
export const MOST_BYTES = 8 * 1024 ** 2;

/** Of too many submissions the largest are kept. */
export function pictureOf(queued: readonly QueuedSubmission[], askedMs: number): QueuePicture {
  const isCut = queued.length > MOST_SUBMISSIONS;
  return {
    askedMs,
    running: queued.reduce((sum, { running }) => sum + running, 0),
    queued: isCut ? queued.toSorted((a, b) => elementsOf(b) - elementsOf(a)).slice(0, MOST_SUBMISSIONS) : queued,
    isCut,
  };
}

const elementsOf = ({ waiting, running }: QueuedSubmission): number => waiting + running;

export interface StoredPicture {
  readonly askedMs: number;
  readonly picture: QueuePicture | null;
  /** Why there is none. */
  readonly problem: string | null;
}

export const writePicture = (stored: StoredPicture): string => `${JSON.stringify({ schema: SCHEMA, ...stored })}\n`;

/** Null for anything that was not written by `writePicture`: it is then asked anew. */
export function readPicture(text: string): StoredPicture | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value) || value['schema'] !== SCHEMA) return null;
  const { askedMs, picture, problem } = value;
  if (typeof askedMs !== 'number' || !Number.isFinite(askedMs)) return null;
  if (typeof problem !== 'string' && problem !== null) return null;
  if (picture === null) return { askedMs, picture, problem };
  if (!isRecord(picture) || !isCount(picture['running']) || typeof picture['isCut'] !== 'boolean') return null;
  const { queued, running, isCut } = picture;
  if (!Array.isArray(queued) || queued.length > MOST_SUBMISSIONS || !queued.every(isQueued)) return null;
  return { askedMs, problem, picture: { askedMs, running, queued, isCut } };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isQueued = (value: unknown): value is QueuedSubmission =>
  isRecord(value) &&
  isRecord(value['handle']) &&
  typeof value['handle']['id'] === 'string' &&
  typeof value['name'] === 'string' &&
  isCount(value['waiting']) &&
  isCount(value['running']) &&
  Array.isArray(value['reasons']) &&
  value['reasons'].length <= MOST_REASONS &&
  value['reasons'].every(isReason);

const isReason = (value: unknown): value is QueuedSubmission['reasons'][number] =>
  isRecord(value) && typeof value['reason'] === 'string' && isCount(value['elements']);

/** How long a picture is shown before somebody asks again, and how long at most while nobody could. */
export const FRESH_MS = 30_000;
const SHOWN_MS = 5 * 60_000;

/** May this picture be shown without asking? Clocks of login nodes differ a little; one from the future is not waited for. */
export const isFresh = ({ askedMs }: Pick<StoredPicture, 'askedMs'>, nowMs: number): boolean =>
  Math.abs(nowMs - askedMs) < FRESH_MS;

/** May it be shown while somebody else asks? */
export const isPresentable = ({ askedMs }: Pick<StoredPicture, 'askedMs'>, nowMs: number): boolean =>
  Math.abs(nowMs - askedMs) < SHOWN_MS;
