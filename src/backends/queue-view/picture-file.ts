/** The picture of a queue as it lies in a file that processes share; pure. */
import type { QueuedElements, QueuePicture } from '../../ports/queue-view.ts';

const SCHEMA = 'slurmctl.queue-picture/1';
/** Job names and reasons that are kept; a user has seldom more than a few. */
const MOST_GROUPS = 500;
/** A longer file was not written by us. */
export const MOST_BYTES = 1024 ** 2;

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
  if (!isRecord(picture) || !isCount(picture['running']) || !Array.isArray(picture['waiting'])) return null;
  const waiting = picture['waiting'] as unknown[];
  if (waiting.length > MOST_GROUPS || !waiting.every(isQueued)) return null;
  return { askedMs, problem, picture: { askedMs, running: picture['running'], waiting } };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isQueued = (value: unknown): value is QueuedElements =>
  isRecord(value) &&
  ['name', 'id', 'reason'].every((key) => typeof value[key] === 'string') &&
  isCount(value['elements']);

/** How long a picture is shown before somebody asks again, and how long at most while nobody could. */
export const FRESH_MS = 30_000;
const SHOWN_MS = 5 * 60_000;

/** May this picture be shown without asking? Clocks of login nodes differ a little; one from the future is not waited for. */
export const isFresh = ({ askedMs }: Pick<StoredPicture, 'askedMs'>, nowMs: number): boolean =>
  Math.abs(nowMs - askedMs) < FRESH_MS;

/** May it be shown while somebody else asks? */
export const isPresentable = ({ askedMs }: Pick<StoredPicture, 'askedMs'>, nowMs: number): boolean =>
  Math.abs(nowMs - askedMs) < SHOWN_MS;
