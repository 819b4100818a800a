/** `dashboard --serve`: the page that keeps itself up to date, for as long as somebody wants it. */
import { openPageServer, type PageAnswer } from '../backends/page-server/index.ts';
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

/** A reading is this old at least before there is another, however many browsers ask. */
const FRESH_MS = 2_000;
/** Panels that read results and not only state. */
const KEPT_MS = 10_000;
const TOKEN_CHARS = 32;

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
  const server = await openPageServer({ port: request.port, token: drivers.ids.token(TOKEN_CHARS), answer });
  try {
    await request.onListening({ schema: 'slurmctl.dashboard/1', jobId: job, path: null, bytes: null, url: server.url });
    await Promise.race([server.failed, aborted(request.signal)]);
  } finally {
    await server.close();
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** One reading at a time, shared by all who ask meanwhile. */
export function createLiveReader(
  drivers: Drivers,
  job: JobId,
  seenFrom: CarryDocument['seenFrom'] | undefined,
): () => Promise<Dashboard> {
  const { clock } = drivers;
  let last: { readonly board: Dashboard; readonly mark: string; readonly dueMs: number } | null = null;
  let kept: { readonly board: Dashboard; readonly mark: string; readonly untilMs: number } | null = null;
  let reading: Promise<Dashboard> | null = null;
  const readAnew = async (): Promise<Dashboard> => {
    const startedMs = clock.monotonicMs();
    const mark = markOf(await requireMeta(drivers.state, job));
    if (last?.board.job.isOver === true && last.mark === mark) {
      last = { ...last, dueMs: clock.monotonicMs() + FRESH_MS };
      return last.board;
    }
    const keep = kept !== null && kept.mark === mark && startedMs < kept.untilMs ? kept.board : null;
    const board = await readDashboard(drivers, job, {
      ...(seenFrom === undefined ? {} : { seenFrom }),
      ...(keep === null ? {} : { kept: keep }),
    });
    const endedMs = clock.monotonicMs();
    const tookMs = endedMs - startedMs;
    if (keep === null) kept = { board, mark, untilMs: endedMs + restAfterLook(tookMs, KEPT_MS) };
    last = { board, mark, dueMs: endedMs + restAfterLook(keep === null ? 0 : tookMs, FRESH_MS) };
    return board;
  };
  return async () => {
    if (last !== null && clock.monotonicMs() < last.dueMs) return last.board;
    reading ??= readAnew().finally(() => {
      reading = null;
    });
    return reading;
  };
}

/** What has to be the same for an ended job to look the same, and for failures and durations of a while ago to be those of the job as it is. */
const markOf = ({ state, generation, publication }: JobMeta): string =>
  [state, generation, publication ?? ''].join(' ');
