/** `dashboard --serve`: the page that keeps itself up to date, for as long as somebody wants it. */
import type { PageAnswer } from '../backends/page-server/index.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { Dashboard } from '../observe/dashboard/document.ts';
import { pageParts, renderPage } from '../observe/dashboard/page.ts';
import type { CarryDocument } from './documents.ts';
import { readDashboard } from './dashboard-document.ts';
import type { DashboardDocument } from './dashboard-documents.ts';
import { pageAssets } from './dashboard-page.ts';
import type { Drivers } from './job-backends.ts';
import { restAfterLook } from './look-again.ts';
import { serveUntil, TOKEN_CHARS } from './serve-until.ts';
import { shareReading, type Reading } from './shared-reading.ts';

/** A reading is this old at least before there is another, however many browsers ask. */
const FRESH_MS = 2_000;
/** Panels that read results and not only state. */
const KEPT_MS = 10_000;

/**
 * Serves until `signal`. The first picture is made before anybody is told where it is.
 * @throws USAGE when the port cannot be had, and what reading the job throws
 */
export async function serveDashboard(
  drivers: Drivers,
  job: JobId,
  request: {
    readonly seenFrom?: CarryDocument['seenFrom'];
    readonly port: number;
    readonly signal: AbortSignal;
    readonly onListening: (document: DashboardDocument) => Promise<void>;
  },
): Promise<void> {
  const read = createLiveReader(drivers, job, request.seenFrom);
  await read();
  const assets = await pageAssets();
  const answer = async (path: string): Promise<PageAnswer | null> => {
    if (path === '')
      return { type: 'text/html; charset=utf-8', body: renderPage(await read(), assets, { live: true }) };
    if (path !== 'parts.json') return null;
    const board = await read();
    const body = JSON.stringify({ over: board.job.isOver, parts: pageParts(board) });
    return { type: 'application/json; charset=utf-8', body };
  };
  const token = drivers.ids.token(TOKEN_CHARS);
  await serveUntil(request.signal, { port: request.port, token, answer }, (url) =>
    request.onListening({ schema: 'slurmctl.dashboard/1', jobId: job, path: null, bytes: null, url }),
  );
}

/** The picture, for all browsers that ask. Of an ended job to which nothing was done since, the one before. */
export function createLiveReader(
  drivers: Drivers,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'] | undefined,
): () => Promise<Dashboard> {
  const { clock, state } = drivers;
  let last: { readonly board: Dashboard; readonly mark: string } | null = null;
  let kept: { readonly board: Dashboard; readonly mark: string; readonly untilMs: number } | null = null;
  return shareReading(clock, async (): Promise<Reading<Dashboard>> => {
    const startedMs = clock.monotonicMs();
    const mark = markOf(await requireMeta(state, job));
    if (last?.board.job.isOver === true && last.mark === mark) return { value: last.board, freshMs: FRESH_MS };
    const keep = kept !== null && kept.mark === mark && startedMs < kept.untilMs ? kept.board : null;
    const board = await readDashboard(drivers, job, {
      ...(seenFrom === undefined ? {} : { seenFrom }),
      ...(keep === null ? {} : { kept: keep }),
    });
    const endedMs = clock.monotonicMs();
    const tookMs = endedMs - startedMs;
    if (keep === null) kept = { board, mark, untilMs: endedMs + restAfterLook(tookMs, KEPT_MS) };
    last = { board, mark };
    return { value: board, freshMs: restAfterLook(keep === null ? 0 : tookMs, FRESH_MS) };
  });
}

/** What has to be the same for an ended job to look the same, and for failures and durations of a while ago to be those of the job as it is. */
const markOf = ({ state, generation, publication }: JobMeta): string =>
  [state, generation, publication ?? ''].join(' ');
