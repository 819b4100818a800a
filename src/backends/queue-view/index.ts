/**
 * The queue as processes of one user share it: a file in a directory of theirs alone, replaced in one step. Whoever finds it older than 30 s asks, if
 * nobody else does: the right to ask belongs to a span of time and to whoever creates the file of that name first, so that it needs no lock that somebody
 * could die with. Files of other users are never read.
 */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError } from '../../errors/app-error.ts';
import type { QueuedSubmission } from '../../ports/batch-system.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { QueueView } from '../../ports/queue-view.ts';
import { errnoOf } from '../shared/fs-errno.ts';
import { preparePrivateDirectory } from '../shared/private-directory.ts';
import { createPrivate, readOwn } from '../shared/private-file.ts';
import {
  FRESH_MS,
  isFresh,
  isPresentable,
  MOST_BYTES,
  pictureOf,
  readPicture,
  writePicture,
  type StoredPicture,
} from './picture-file.ts';

export interface QueueViewOptions {
  readonly directory: string;
  /** Names the batch system, so that pictures of two of them do not mix. Letters and digits. */
  readonly key: string;
  /** Numeric id of this user. */
  readonly uid: number;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'sleep'>;
  readonly ids: Pick<Ids, 'token'>;
  /** Asks the batch system and waits so long at most. @throws AppError when it does not answer */
  readonly ask: (mostMs: number) => Promise<readonly QueuedSubmission[]>;
}

/** Somebody is looking at a screen meanwhile. */
const LOOK_MS = 5_000;
/** Somebody is going to conclude from the answer. */
const CONCLUDE_MS = 45_000;
/** Until an answer of whoever asks at present is there, or, where that process died, it is one's own turn to ask. */
const WAIT_MS = 2 * FRESH_MS + LOOK_MS;
const LOOK_AGAIN_MS = 250;

export function createQueueView(options: QueueViewOptions): QueueView {
  const { directory, uid, clock, ask } = options;
  return {
    async look() {
      const flaw = await preparePrivateDirectory(directory, uid);
      // Without a place to share, every look would be a question.
      if (flaw !== null) return { picture: null, problem: flaw };
      try {
        return shown(await lookTogether(options, LOOK_MS), clock.nowMs());
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        return { picture: null, problem: `${directory}: ${errnoOf(error)}` };
      }
    },
    async queued() {
      const flaw = await preparePrivateDirectory(directory, uid);
      const shared = flaw === null ? await waitForAnswer(options) : null;
      // Nobody to share with, or more than is shared: an answer has to be whole.
      return shared ?? ask(CONCLUDE_MS);
    },
  };
}

/** Null: what is shared is no answer. @throws BATCH_UNREACHABLE */
async function waitForAnswer(options: QueueViewOptions): Promise<readonly QueuedSubmission[] | null> {
  const { clock } = options;
  const untilMs = clock.monotonicMs() + WAIT_MS;
  for (;;) {
    const stored = await lookTogether(options, CONCLUDE_MS).catch((error: unknown) => {
      if (errnoOf(error) === undefined) throw error;
      return 'no place' as const;
    });
    if (stored === 'no place') return null;
    if (stored !== null && isFresh(stored, clock.nowMs())) {
      const { picture, problem } = stored;
      if (picture === null) throw new AppError('BATCH_UNREACHABLE', { message: problem ?? 'no answer' });
      return picture.isCut ? null : picture.queued;
    }
    if (clock.monotonicMs() >= untilMs)
      throw new AppError('BATCH_UNREACHABLE', {
        message: 'another process asks the batch system and has no answer yet',
      });
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

const shown = (stored: StoredPicture | null, nowMs: number): Awaited<ReturnType<QueueView['look']>> =>
  stored === null || !isPresentable(stored, nowMs)
    ? { picture: null, problem: null }
    : { picture: stored.picture, problem: stored.problem };

async function lookTogether(options: QueueViewOptions, mostMs: number): Promise<StoredPicture | null> {
  const { directory, key, uid, clock, ids, ask } = options;
  const path = join(directory, `queue-${key}.json`);
  const stored = readPicture((await readOwn(path, { uid, mostBytes: MOST_BYTES })) ?? '');
  const nowMs = clock.nowMs();
  if (stored !== null && isFresh(stored, nowMs)) return stored;
  if (!(await mayAsk(options, nowMs))) return stored;
  const asked = await askSafely(() => ask(mostMs), clock);
  const half = join(directory, `queue-${key}.${ids.token(10)}.half`);
  await createPrivate(half, writePicture(asked));
  await rename(half, path);
  await sweep(options, nowMs);
  return asked;
}

/** As old as the question: what came into the queue since may be missing in the answer. */
async function askSafely(
  ask: () => Promise<readonly QueuedSubmission[]>,
  clock: Pick<Clock, 'nowMs'>,
): Promise<StoredPicture> {
  const askedMs = clock.nowMs();
  try {
    return { askedMs, problem: null, picture: pictureOf(await ask(), askedMs) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { askedMs, picture: null, problem: error.message };
  }
}

const spanOf = (nowMs: number): number => Math.floor(nowMs / FRESH_MS);
const claimPath = ({ directory, key }: QueueViewOptions, span: number): string =>
  join(directory, `queue-${key}.${span}.asked`);

/** True for one process in each span of time, and not while whoever asked in the span before may not have its answer yet. */
async function mayAsk(options: QueueViewOptions, nowMs: number): Promise<boolean> {
  const before = await stat(claimPath(options, spanOf(nowMs) - 1)).catch(() => null);
  if (before !== null && Math.abs(nowMs - before.mtimeMs) < FRESH_MS) return false;
  try {
    await createPrivate(claimPath(options, spanOf(nowMs)), '');
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the claims of earlier spans, and what dead processes left half-written. */
async function sweep(options: QueueViewOptions, nowMs: number): Promise<void> {
  const { directory, key } = options;
  const names = await readdir(directory);
  for (const name of names) {
    const part = name.startsWith(`queue-${key}.`) ? name.slice(`queue-${key}.`.length) : '';
    const span = /^(\d+)\.asked$/.exec(part)?.[1];
    const isOld = span !== undefined ? Number(span) < spanOf(nowMs) - 1 : part.endsWith('.half');
    if (isOld) await rm(join(directory, name), { force: true });
  }
}
