/**
 * The queue as processes of one user share it: a file in a directory of theirs alone, replaced in one step. Whoever finds it older than 30 s asks, if
 * nobody else does: the right to ask belongs to a span of time and to whoever creates the file of that name first, so that it needs no lock that somebody
 * could die with. Files of other users are never read.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { QueuePicture, QueueView } from '../../ports/queue-view.ts';
import { errnoOf } from '../shared/fs-errno.ts';
import {
  FRESH_MS,
  isFresh,
  isPresentable,
  MOST_BYTES,
  readPicture,
  writePicture,
  type StoredPicture,
} from './picture-file.ts';
import { preparePrivateDirectory } from './private-directory.ts';

export interface QueueViewOptions {
  readonly directory: string;
  /** Names the batch system, so that pictures of two of them do not mix. Letters and digits. */
  readonly key: string;
  /** Numeric id of this user. */
  readonly uid: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly ids: Pick<Ids, 'token'>;
  /** Asks the batch system. @throws AppError when it does not answer */
  readonly ask: () => Promise<Omit<QueuePicture, 'askedMs'>>;
}

export function createQueueView(options: QueueViewOptions): QueueView {
  const { directory, uid, clock } = options;
  return {
    async look() {
      const flaw = await preparePrivateDirectory(directory, uid);
      // Without a place to share, every look would be a question.
      if (flaw !== null) return { picture: null, problem: flaw };
      try {
        return shown(await lookTogether(options), clock.nowMs());
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        return { picture: null, problem: `${directory}: ${errnoOf(error)}` };
      }
    },
  };
}

const shown = (stored: StoredPicture | null, nowMs: number): Awaited<ReturnType<QueueView['look']>> =>
  stored === null || !isPresentable(stored, nowMs)
    ? { picture: null, problem: null }
    : { picture: stored.picture, problem: stored.problem };

async function lookTogether(options: QueueViewOptions): Promise<StoredPicture | null> {
  const { directory, key, uid, clock, ids, ask } = options;
  const path = join(directory, `queue-${key}.json`);
  const stored = await readOwn(path, uid);
  const nowMs = clock.nowMs();
  if (stored !== null && isFresh(stored, nowMs)) return stored;
  if (!(await mayAsk(options, nowMs))) return stored;
  const asked = await askSafely(ask, nowMs);
  const half = join(directory, `queue-${key}.${ids.token(10)}.half`);
  await createPrivate(half, writePicture(asked));
  await rename(half, path);
  await sweep(options, nowMs);
  return asked;
}

async function askSafely(ask: QueueViewOptions['ask'], askedMs: number): Promise<StoredPicture> {
  try {
    return { askedMs, problem: null, picture: { askedMs, ...(await ask()) } };
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

async function createPrivate(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** Null for what is missing, somebody else's, or no picture. */
async function readOwn(path: string, uid: number): Promise<StoredPicture | null> {
  let file;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.uid !== uid || stats.size > MOST_BYTES) return null;
    return readPicture(await file.readFile('utf8'));
  } finally {
    await file.close();
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
